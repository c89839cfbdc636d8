import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AuthorizedKeyError, parseAuthorizedKey } from '../src/index.ts';

const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGqd1cQZFfumzCK4dgJjq6RbBoyue+rR0GnHuO6wEYE0';

test('a plain line has key, comment and no restriction', () => {
  const { type, blob, comment, options } = parseAuthorizedKey(`${key} alice on her laptop`);
  assert.deepEqual([type, blob.length, comment], ['ssh-ed25519', 51, 'alice on her laptop']);
  assert.deepEqual(options, { from: [], permitOpen: [], permitListen: [], pty: true, forwarding: true });
});

test('options are read with quotes, escaped quotes, spaces and commas inside them', () => {
  const { options } = parseAuthorizedKey(
    `restrict,pty,command="say \\"hi, all\\" now",from="10.0.0.0/8,!10.0.0.1",from="::1",permitopen="a:1",permitopen="b:2",permitlisten="8080",expiry-time="20300131",no-X11-forwarding\t${key}`,
  );
  assert.deepEqual(options, {
    from: ['10.0.0.0/8', '!10.0.0.1', '::1'],
    permitOpen: ['a:1', 'b:2'],
    permitListen: ['8080'],
    pty: true,
    forwarding: false,
    command: 'say "hi, all" now',
    expiresAt: Date.UTC(2030, 0, 31),
  });
});

for (const [what, line, message] of [
  ['a CA', `cert-authority ${key}`, /"cert-authority" is not supported/],
  ['principals', `principals="root" ${key}`, /"principals" is not supported/],
  ['an environment', `environment="A=b" ${key}`, /"environment" is not supported/],
  ['an unknown option', `no-pty,frobnicate ${key}`, /"frobnicate" is not supported/],
  ['a value without quotes', `command=id ${key}`, /command: expected a value in double quotes/],
  ['a quote that does not end', `command="id ${key}`, /quote that does not end/],
  ['a day that there is not', `expiry-time="20300230" ${key}`, /expiry-time: expected YYYYMMDD/],
  ['a PEM', '-----BEGIN RSA PUBLIC KEY-----\nMIIB\n-----END RSA PUBLIC KEY-----', /OpenSSH format/],
  ['a key that is cut off', key.slice(0, -20), /damaged|cut off/],
  ['a type that does not fit the key', key.replace('ssh-ed25519', 'ssh-rsa'), /damaged/],
  ['a security key', `sk-${key}`, /expected one of ssh-ed25519/],
  ['two lines', `${key}\n${key}`, /one line/],
  ['nothing', '', /expected one of/],
] as const) {
  test(`${what} is refused with the reason`, () => {
    assert.throws(
      () => parseAuthorizedKey(line),
      (error) => error instanceof AuthorizedKeyError && message.test(error.message),
    );
  });
}

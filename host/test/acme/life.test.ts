/** When a certificate is ordered, and what a failure of the authority means. `docs/spec/identity.md` 7.3. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:https';
import { type TestContext, test } from 'node:test';
import { isDue, waitAfter } from '../../src/acme/certificates.ts';
import { AuthorityBusy } from '../../src/acme/connection.ts';
import { newKey, orderCertificate } from '../../src/acme/order.ts';
import { sequence, tlv } from '../../src/identity/der.ts';
import { selfSigned } from '../../src/identity/self-signed.ts';
import { extension } from '../../src/identity/x509.ts';

const day = 24 * 60 * 60 * 1000;

/** An https server that answers each request so; its URL and its certificate. */
async function authority(t: TestContext, status: number, headers: Record<string, string>, body: unknown) {
  const loopback = tlv(0x87, Buffer.from([127, 0, 0, 1]));
  const own = selfSigned({
    commonName: 'authority',
    notBefore: new Date(Date.now() - day),
    notAfter: new Date(Date.now() + day),
    extensions: [extension('2.5.29.17', false, sequence(loopback))],
  });
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const server = createServer(own, (_request, response) => response.writeHead(status, headers).end(text));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return { directory: `https://127.0.0.1:${address.port}/directory`, ca: own.cert };
}

function order(at: { directory: string; ca: string | undefined }, signal = new AbortController().signal) {
  return orderCertificate({
    ...at,
    ...{ contact: [], domains: ['one.test'], accountKey: newKey(), signal },
    present: () => {},
  });
}

test('a certificate is due when less than a third of its lifetime is left, or it lacks a name', () => {
  const now = Date.now();
  const leaf = (age: number, left: number) => ({
    notBefore: new Date(now - age * day),
    notAfter: new Date(now + left * day),
    coversName: (name: string) => name === 'one.test',
  });
  assert.equal(isDue(undefined, ['one.test'], now), true);
  assert.equal(isDue(leaf(0, 90), ['one.test'], now), false);
  assert.equal(isDue(leaf(59, 31), ['one.test'], now), false);
  assert.equal(isDue(leaf(61, 29), ['one.test'], now), true);
  assert.equal(isDue(leaf(91, -1), ['one.test'], now), true);
  assert.equal(isDue(leaf(0, 90), ['one.test', 'two.test'], now), true);
});

test('after a failure the wait is 1 min, doubling to 6 h', () => {
  const minutes = [0, 1, 2, 8, 9, 1000].map((failures) => waitAfter(failures) / 60_000);
  assert.deepEqual(minutes, [1, 2, 4, 256, 360, 360]);
});

test('an authority that is busy says for how long, and why', async (t) => {
  const problem = { type: 'urn:ietf:params:acme:error:rateLimited', detail: 'too many orders' };
  for (const [field, from, to] of [
    ['7200', 7_200_000, 7_200_000],
    [new Date(Date.now() + 3_600_000).toUTCString(), 3_500_000, 3_600_000],
    ['soon', 0, 0],
  ] as const) {
    const headers = { 'content-type': 'application/problem+json', 'retry-after': field };
    await assert.rejects(order(await authority(t, 503, headers, problem)), (error) => {
      assert.ok(error instanceof AuthorityBusy);
      assert.match(error.message, /answered 503: too many orders \(urn:.*rateLimited\)/);
      assert.ok(error.retryAfter >= from && error.retryAfter <= to, `${error.retryAfter}`);
      return true;
    });
  }
});

test('a directory of an unknown authority, or that is none, or never ends, is refused with a reason', async (t) => {
  const json = { 'content-type': 'application/json' };
  const unknown = await authority(t, 200, json, {});
  await assert.rejects(order({ ...unknown, ca: undefined }), /cannot be asked: self-signed certificate/);
  await assert.rejects(order(unknown), /newAccount/);
  await assert.rejects(order(await authority(t, 200, json, 'x'.repeat(2_000_000))), /longer than 1048576/);
  const plain = { newNonce: 'http://127.0.0.1/nonce', newAccount: 'http://127.0.0.1/account' };
  await assert.rejects(order(await authority(t, 200, json, plain)), /expected an https URL/);
});

test('an order ends at once when it is aborted', async (t) => {
  const stop = new AbortController();
  stop.abort();
  await assert.rejects(order(await authority(t, 200, {}, '{}'), stop.signal), /aborted/);
});

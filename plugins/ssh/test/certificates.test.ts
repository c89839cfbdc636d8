import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { silentLog } from '@alknet/sdk';
import { parseCertificate } from '../src/keys/certificate.ts';
import { WireError } from '../src/keys/wire.ts';
import { Authenticator } from '../src/login/authenticator.ts';
import { account, type Key, type Lab, lab, Peers } from './support.ts';

const here = '127.0.0.1';

interface CertLab extends Lab {
  readonly ca: Key;
  /** A key of its own with a certificate of `by`, made by ssh-keygen. */
  certified(name: string, args: readonly string[], by?: Key, type?: readonly string[]): Key;
  reason(): string | undefined;
}

async function certLab(
  t: import('node:test').TestContext,
  ca: object = {},
  config: object = {},
): Promise<CertLab> {
  const setup = await lab(t);
  const { key, node, lines } = setup;
  const caKey = key('ca');
  await node.configure({
    listen: ['127.0.0.1:0'],
    ...account,
    userCas: [{ key: caKey.line, ...ca }],
    ...config,
  });
  return {
    ...setup,
    ca: caKey,
    certified: (name, args, by = caKey, type = []) => {
      const made = key(name, ...type);
      const { status, stderr } = spawnSync('ssh-keygen', [
        ...['-q', '-s', by.file, '-I', `id of ${name}`],
        ...args,
        `${made.file}.pub`,
      ]);
      assert.equal(status, 0, String(stderr));
      return made;
    },
    reason: () => / reason=(\S+)$/.exec(lines('ssh auth').at(-1) ?? '')?.[1],
  };
}

/** The client shows the certificate beside the key, then the plain key; only the first is of interest. */
async function login({ ssh }: Lab, key: Key, args: readonly string[] = []) {
  return await ssh(key, ['-o', `CertificateFile=${key.file}-cert.pub`, ...args, here, 'echo $ALKNET_PEER']);
}

function reasonsOf({ lines }: Lab): (string | undefined)[] {
  return lines('ssh auth').map((line) => / reason=(\S+)$/.exec(line)?.[1]);
}

test('SSH-17 a valid certificate of a listed CA logs in, whatever the types of key and CA', async (t) => {
  const setup = await certLab(t, { scopes: ['ssh:exec'] });
  const { certified, key, node, peers } = setup;
  const plain = await login(setup, certified('u1', ['-n', 'somebody']));
  assert.deepEqual([plain.code, plain.stdout], [0, 'ssh:somebody\n'], plain.stderr);
  peers.set('somebody', ['ssh:exec']);
  assert.equal((await login(setup, certified('u2', ['-n', 'other,somebody']))).stdout, 'somebody\n');
  const authorities = [
    ['ca-rsa', ['-t', 'rsa', '-b', '2048']],
    ['ca-ec', ['-t', 'ecdsa', '-b', '521']],
  ] as const;
  const keys = [
    ['rsa', ['-t', 'rsa', '-b', '2048']],
    ['p256', ['-t', 'ecdsa', '-b', '256']],
    ['p384', ['-t', 'ecdsa', '-b', '384']],
    ['p521', ['-t', 'ecdsa', '-b', '521']],
  ] as const;
  const cas = authorities.map(([name, type]) => key(name, ...type));
  const userCas = [setup.ca, ...cas].map(({ line }) => ({ key: line }));
  await node.configure({ listen: [`127.0.0.1:0`], ...account, userCas });
  for (const [index, [name, type]] of keys.entries()) {
    const made = certified(name, ['-n', 'somebody'], cas[index % 2] ?? setup.ca, type);
    const { code, stderr } = await login(setup, made);
    assert.equal(code, 0, `${name}: ${stderr}`);
  }
});

test('SSH-18 an expired or not yet valid certificate is refused', async (t) => {
  const setup = await certLab(t, { scopes: ['ssh:exec'] });
  for (const [name, validity] of [
    ['expired', '20200101:20200201'],
    ['early', '20900101:20900201'],
  ] as const) {
    const { code } = await login(setup, setup.certified(name, ['-n', 'somebody', '-V', validity]));
    assert.equal(code, 255);
    assert.ok(reasonsOf(setup).includes('cert_expired'));
  }
});

test('a certificate that lives longer than the CA may give is refused', async (t) => {
  const setup = await certLab(t, { scopes: ['ssh:exec'], maxValidity: '1h' });
  assert.equal((await login(setup, setup.certified('long', ['-n', 'somebody', '-V', '-1m:+2h']))).code, 255);
  assert.ok(reasonsOf(setup).includes('cert_expired'));
  assert.equal((await login(setup, setup.certified('short', ['-n', 'somebody', '-V', '-1m:+30m']))).code, 0);
});

test('SSH-19 a certificate whose principals lack the user name, or are empty, is refused', async (t) => {
  const setup = await certLab(t, { scopes: ['ssh:exec'] });
  for (const [name, args] of [
    ['other', ['-n', 'alice,bob']],
    ['empty', []],
  ] as const) {
    assert.equal((await login(setup, setup.certified(name, args))).code, 255);
    assert.ok(reasonsOf(setup).includes('cert_principal'));
  }
});

test('the principals of the CA entry narrow those of its certificates', async (t) => {
  const setup = await certLab(t, { scopes: ['ssh:exec'], principals: ['alice'] });
  assert.equal((await login(setup, setup.certified('u', ['-n', 'somebody']))).code, 255);
  assert.ok(reasonsOf(setup).includes('cert_principal'));
});

test('SSH-20 a certificate of an unlisted CA is refused', async (t) => {
  const setup = await certLab(t, { scopes: ['ssh:exec'] });
  const other = setup.key('other-ca');
  // A key of a peer is no CA either.
  setup.peers.set('somebody', ['ssh:exec'], { fingerprints: [other.normal] });
  assert.equal((await login(setup, setup.certified('u', ['-n', 'somebody'], other))).code, 255);
  assert.ok(reasonsOf(setup).includes('cert_ca'));
});

test('SSH-21 a certificate used from outside its source-address is refused, also when the address is unknown', async (t) => {
  const setup = await certLab(t, { scopes: ['ssh:exec'] });
  const inside = setup.certified('in', ['-n', 'somebody', '-O', 'source-address=127.0.0.0/8,::1/128']);
  const outside = setup.certified('out', ['-n', 'somebody', '-O', 'source-address=10.0.0.0/8']);
  assert.equal((await login(setup, inside)).code, 0);
  assert.equal((await login(setup, outside)).code, 255);
  assert.ok(reasonsOf(setup).includes('cert_source'));
  assert.equal(judged(setup, 'in', '127.0.0.1').reason, undefined);
  assert.equal(judged(setup, 'in', undefined).reason, 'cert_source');
});

test('SSH-22 a certificate with an unknown critical option is refused', async (t) => {
  const setup = await certLab(t, { scopes: ['ssh:exec'] });
  const odd = setup.certified('odd', ['-n', 'somebody', '-O', 'critical:frobnicate@example.com=1']);
  assert.equal((await login(setup, odd)).code, 255);
  assert.ok(reasonsOf(setup).includes('cert_option'));
});

test('SSH-23 a force-command of a certificate runs instead of what was asked', async (t) => {
  const setup = await certLab(t);
  const forced = setup.certified('f', [
    '-n',
    'somebody',
    '-O',
    'force-command=echo forced $SSH_ORIGINAL_COMMAND',
  ]);
  const { stdout } = await setup.ssh(forced, [
    '-o',
    `CertificateFile=${forced.file}-cert.pub`,
    here,
    'id; ls',
  ]);
  assert.equal(stdout, 'forced id; ls\n');
});

test('SSH-24 a host certificate cannot log in', async (t) => {
  const setup = await certLab(t, { scopes: ['ssh:exec'] });
  assert.equal((await login(setup, setup.certified('host', ['-h', '-n', 'somebody']))).code, 255);
  assert.equal(judged(setup, 'host', here).reason, 'cert_type');
});

/** What the authenticator says of a certificate, without a client that would not send it. */
function judged(
  { ca, folder }: CertLab,
  name: string,
  address: string | undefined,
): { reason: string | undefined } {
  const authenticator = new Authenticator(new Peers(), silentLog);
  authenticator.prepare({ userCas: [{ key: ca.line, scopes: ['ssh:exec'] }], revoked: [], users: [] })();
  const blob = Buffer.from(readFileSync(`${folder}/${name}-cert.pub`, 'utf8').split(' ')[1] ?? '', 'base64');
  const algorithm = 'ssh-ed25519-cert-v01@openssh.com';
  const verdict = authenticator.judge({ user: 'somebody', address, algorithm, blob, signature: undefined });
  return { reason: 'reason' in verdict ? verdict.reason : undefined };
}

test('SSH-25 a CA key cannot log in by itself', async (t) => {
  const setup = await certLab(t, { scopes: ['ssh:exec'] });
  setup.peers.set('somebody', ['ssh:exec'], { fingerprints: [setup.ca.normal] });
  assert.equal((await setup.ssh(setup.ca, [here, 'true'])).code, 255);
  assert.equal(setup.reason(), 'ca_key');
});

test('a revoked key, CA, serial or key id refuses the certificate', async (t) => {
  const setup = await certLab(t, { scopes: ['ssh:exec'] });
  const { ca, node } = setup;
  const made = setup.certified('u', ['-n', 'somebody', '-z', '18446744073709551615']);
  for (const revoked of [
    [made.normal],
    [ca.normal],
    [{ ca: ca.normal, serial: '18446744073709551615' }],
    [{ ca: ca.line, keyId: 'id of u' }],
  ]) {
    const userCas = [{ key: ca.line, scopes: ['ssh:exec'] }];
    await node.configure({ listen: ['127.0.0.1:0'], ...account, userCas, revoked });
    assert.equal((await login(setup, made)).code, 255);
    assert.ok(reasonsOf(setup).includes('revoked'), JSON.stringify(revoked));
  }
});

test('a disabled peer of the principal’s id is refused', async (t) => {
  const setup = await certLab(t, { scopes: ['ssh:exec'] });
  setup.peers.set('somebody', ['ssh:exec'], {}, false);
  assert.equal((await login(setup, setup.certified('u', ['-n', 'somebody']))).code, 255);
  assert.ok(reasonsOf(setup).includes('disabled'));
});

test('a certificate without permit-pty gets no pty', async (t) => {
  const setup = await certLab(t, { scopes: ['ssh:exec'] });
  const without = setup.certified('u', ['-n', 'somebody', '-O', 'no-pty']);
  const args = ['-tt', '-o', `CertificateFile=${without.file}-cert.pub`, here, 'tty'];
  const { stdout } = await setup.ssh(without, args);
  assert.ok(!stdout.includes('/dev/'), stdout);
  assert.ok(setup.lines('ssh denied').some((line) => line.endsWith('what=pty')));
});

test('a certificate with another key, or one byte changed, does not log in', async (t) => {
  const setup = await certLab(t, { scopes: ['ssh:exec'] });
  const mine = setup.certified('mine', ['-n', 'somebody']);
  const thief = setup.key('thief');
  copyFileSync(`${mine.file}-cert.pub`, `${thief.file}-cert.pub`);
  assert.equal((await login(setup, thief)).code, 255);
  const file = `${mine.file}-cert.pub`;
  const [type = '', base64 = ''] = readFileSync(file, 'utf8').split(' ');
  const blob = Buffer.from(base64, 'base64');
  let parsed = 0;
  for (let at = 0; at < blob.length; at++) {
    const changed = Buffer.from(blob);
    changed[at] = (changed[at] ?? 0) ^ 1;
    writeFileSync(file, `${type} ${changed.toString('base64')} x\n`);
    const { reason } = judged(setup, 'mine', here);
    assert.ok(reason !== undefined, `byte ${at}`);
    if (reason !== 'cert_malformed') parsed++;
    assert.throws(() => parseCertificate(blob.subarray(0, at)), WireError);
  }
  assert.ok(parsed > 50);
  assert.throws(() => parseCertificate(Buffer.concat([blob, Buffer.alloc(1)])), WireError);
});

test('SSH-15 a PKCS#8 or PKCS#1 key is refused with a message naming the OpenSSH format', async (t) => {
  const { key, folder, node } = await lab(t);
  const { file } = key('rsa', '-t', 'rsa', '-b', '2048');
  for (const format of ['PKCS8', 'PEM']) {
    const { stdout } = spawnSync('ssh-keygen', ['-e', '-m', format, '-f', `${file}.pub`], {
      encoding: 'utf8',
    });
    assert.match(stdout, /-----BEGIN (RSA )?PUBLIC KEY-----/);
    writeFileSync(`${folder}/pem`, stdout);
    for (const text of [stdout, `@${folder}/pem`]) {
      const config = { listen: [], userCas: [{ key: text }] };
      await assert.rejects(node.configure(config), /userCas\[0\]: found a PEM; expected .*OpenSSH format/);
    }
  }
});

/** Certificates by ACME, issued by a real server that looks for its proof on the running listener. */

import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { sequence } from '../../../host/src/identity/der.ts';
import { dnsName, selfSigned } from '../../../host/src/identity/self-signed.ts';
import { extension } from '../../../host/src/identity/x509.ts';
import { type AlknetNode, startNode } from '../../../host/src/node.ts';
import { eventually, type HttpNode, httpNode } from './node.ts';
import { noPebble, type Pebble, startPebble } from './pebble.ts';

const needsPebble = { skip: noPebble };
const domains = ['One.test', 'two.test'];
const http = { ALPNProtocols: ['http/1.1'] };
const challenge = { ALPNProtocols: ['acme-tls/1'] };
/** Milliseconds that an order may take on a busy machine, where Pebble may give up once and the node waits 1 min. */
const patience = 150_000;

async function pebbleOf(t: TestContext): Promise<Pebble> {
  const pebble = await startPebble();
  t.after(() => pebble.stop());
  return pebble;
}

const acmeOf = ({ directory, ca }: Pebble) => ({
  tls: { ca, acme: { domains, directory, contact: ['mailto:admin@one.test'] } },
});

async function nodeOf(t: TestContext, pebble: Pebble, entries = {}): Promise<HttpNode> {
  const node = await httpNode({ top: acmeOf(pebble), entries });
  t.after(() => node.stop());
  pebble.lead(node.port);
  return node;
}

async function open(port: number, options: ConnectionOptions): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  return socket;
}

async function shown(port: number, options: ConnectionOptions): Promise<X509Certificate> {
  const socket = await open(port, options);
  const certificate = socket.getPeerX509Certificate();
  socket.destroy();
  assert.ok(certificate !== undefined);
  return certificate;
}

async function healthy(socket: TLSSocket): Promise<void> {
  socket.write('GET /healthz HTTP/1.1\r\nHost: one.test\r\n\r\n');
  const [answer] = await once(socket, 'data');
  assert.match(String(answer), /^HTTP\/1\.1 200 /);
}

const rowOf = (node: AlknetNode) => node.status().certificates.find(({ kind }) => kind === 'acme');
const inUse = (node: AlknetNode) =>
  eventually('the certificate', () => rowOf(node)?.state === 'in use', patience);
const complaints = (node: HttpNode) =>
  node.log().filter(({ level }) => level === 'warn' || level === 'error');

test(
  'IDN-44 an ACME order completes by TLS-ALPN-01 on the running listener, and the certificate is served for its names only',
  needsPebble,
  async (t) => {
    const pebble = await pebbleOf(t);
    const node = await nodeOf(t, pebble, { call: true });
    await inUse(node.node);
    const row = rowOf(node.node);
    assert.deepEqual([...(row?.names ?? [])].sort(), ['DNS:one.test', 'DNS:two.test']);
    assert.equal(row?.error, undefined);
    for (const servername of ['one.test', 'two.test', 'ONE.test']) {
      for (const alpn of [http, { ALPNProtocols: ['alknet/call'] }]) {
        // Trusted by its chain and name, with nothing weakened.
        const socket = await open(node.port, {
          ...{ servername, ...alpn, ca: pebble.root, rejectUnauthorized: true },
        });
        assert.equal(socket.authorized, true);
        socket.destroy();
      }
    }
    for (const servername of ['three.test', 'a.one.test', ''])
      assert.equal((await shown(node.port, { servername, ...http })).subjectAltName, undefined, servername);
    assert.deepEqual(complaints(node), []);
  },
);

test(
  'IDN-45 during the order, ordinary clients of the same name are served as before',
  needsPebble,
  async (t) => {
    const pebble = await pebbleOf(t);
    const { arrived, release } = pebble.hold();
    const node = await nodeOf(t, pebble);
    await arrived;
    assert.equal(rowOf(node.node)?.state, 'ordering');
    const web = { servername: 'one.test', ...http };
    const live = await open(node.port, web);
    assert.equal(live.getPeerX509Certificate()?.subjectAltName, undefined);
    await healthy(live);
    // Both at once is no ACME client (RFC 8737 3).
    const both = { servername: 'one.test', ALPNProtocols: ['http/1.1', 'acme-tls/1'] };
    assert.equal((await shown(node.port, both)).subjectAltName, undefined);
    // The ACME client alone sees the proof, and reaches nothing with it.
    const proof = await open(node.port, { servername: 'one.test', ...challenge });
    assert.equal(proof.alpnProtocol, 'acme-tls/1');
    assert.equal(proof.getPeerX509Certificate()?.subjectAltName, 'DNS:one.test');
    const answers: Buffer[] = [];
    proof.on('data', (chunk: Buffer) => answers.push(chunk));
    proof.write('GET /healthz HTTP/1.1\r\nHost: one.test\r\n\r\n');
    await once(proof, 'close');
    assert.equal(Buffer.concat(answers).length, 0);
    release();
    await inUse(node.node);
    await healthy(live);
    live.destroy();
  },
);

test(
  'IDN-46 acme-tls/1 without a pending challenge reaches no plugin and logs no warning',
  needsPebble,
  async (t) => {
    const pebble = await pebbleOf(t);
    const node = await nodeOf(t, pebble);
    await inUse(node.node);
    for (const servername of ['one.test', 'other.test', ''])
      await assert.rejects(open(node.port, { servername, ...challenge }), servername);
    assert.deepEqual(complaints(node), []);
    assert.equal((await node.ask('/healthz')).status, 200);
  },
);

test('IDN-47 an unreachable ACME directory neither delays the start nor ends the process', async (t) => {
  // It takes connections and never says a word.
  const silent = createServer((socket) => socket.on('error', () => {}));
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  t.after(() => silent.close());
  const address = silent.address();
  assert.ok(typeof address === 'object' && address !== null);
  const gone = createServer().listen(0, '127.0.0.1');
  await once(gone, 'listening');
  const goneAddress = gone.address();
  assert.ok(typeof goneAddress === 'object' && goneAddress !== null);
  await once(gone.close(), 'close');
  for (const { port } of [address, goneAddress]) {
    const asked = once(silent, 'connection');
    const node = await httpNode({
      top: { tls: { acme: { domains, directory: `https://127.0.0.1:${port}/dir` } } },
    });
    t.after(() => node.stop());
    if (port === address.port) await asked;
    else {
      await eventually('the failure', () => rowOf(node.node)?.error !== undefined, patience);
      assert.match(rowOf(node.node)?.error ?? '', /127\.0\.0\.1:\d+ cannot be asked: .*ECONNREFUSED/);
      const problem = node.node.status().problems.find(({ where }) => where === 'tls.acme');
      assert.match(problem?.message ?? '', /ECONNREFUSED/);
    }
    assert.equal(rowOf(node.node)?.state, 'ordering');
    assert.equal((await node.ask('/healthz')).status, 200);
    // The order that hangs does not hold the stop either.
    await node.stop();
  }
});

test(
  'IDN-48 a renewed certificate is served without restart; account key and certificate survive a restart',
  needsPebble,
  async (t) => {
    const pebble = await pebbleOf(t);
    const first = await nodeOf(t, pebble);
    await inUse(first.node);
    const web = { servername: 'two.test', ...http };
    const issued = await shown(first.port, web);
    const folder = join(first.node.dataDir, 'acme');
    const paths = { account: join(folder, 'account.pem'), certificate: join(folder, 'certificate.pem') };
    for (const path of Object.values(paths)) assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.equal((await stat(folder)).mode & 0o777, 0o700);
    const account = await readFile(paths.account, 'utf8');
    await first.node.stop();

    const restart = async () => {
      const node = await startNode({
        configPath: join(first.directory, 'alknet.config.json'),
        logStream: new Writable({ write: (_chunk, _encoding, done) => done() }),
      });
      t.after(() => node.stop());
      const port = node.addresses.find(({ transport }) => transport === 'tls')?.address.port ?? 0;
      pebble.lead(port);
      return { node, port };
    };
    const orders = () => pebble.log().split('POST /order-plz ').length - 1;
    const before = orders();
    assert.ok(before > 0);
    const second = await restart();
    assert.equal((await shown(second.port, web)).fingerprint256, issued.fingerprint256);
    await second.node.stop();
    assert.equal(orders(), before);

    const day = 24 * 60 * 60 * 1000;
    const old = selfSigned({
      commonName: 'old',
      notBefore: new Date(Date.now() - 65 * day),
      notAfter: new Date(Date.now() + 25 * day),
      extensions: [
        extension('2.5.29.17', false, sequence(...domains.map((name) => dnsName(name.toLowerCase())))),
      ],
    });
    await writeFile(paths.certificate, `Directory: ${pebble.directory}\n${old.cert}${old.key}`, {
      mode: 0o600,
    });
    const { arrived, release } = pebble.hold();
    const third = await restart();
    await arrived;
    const live = await open(third.port, web);
    assert.equal(live.getPeerX509Certificate()?.fingerprint256, new X509Certificate(old.cert).fingerprint256);
    release();
    await eventually(
      'the renewed certificate',
      async () => (await shown(third.port, web)).issuer.includes('Pebble'),
      patience,
    );
    await healthy(live);
    live.destroy();
    assert.equal(await readFile(paths.account, 'utf8'), account);
    assert.doesNotMatch(pebble.log(), /There are now 2 accounts/);
    assert.match(pebble.log(), /There are now 1 accounts/);
    assert.notEqual((await shown(third.port, web)).fingerprint256, issued.fingerprint256);
    const kept = await readFile(paths.certificate, 'utf8');
    const sha256 = createHash('sha256').update(new X509Certificate(kept).raw).digest('hex');
    assert.equal(rowOf(third.node)?.sha256, sha256);
  },
);

test(
  'a refused proof is told in the words of the authority, and a changed tls.acme orders anew at once',
  needsPebble,
  async (t) => {
    const pebble = await pebbleOf(t);
    const node = await httpNode({ top: { tls: { ca: pebble.ca } } });
    t.after(() => node.stop());
    const path = join(node.directory, 'alknet.config.json');
    const change = async (acme: unknown) => {
      const { tls, ...rest } = JSON.parse(await readFile(path, 'utf8'));
      await writeFile(path, JSON.stringify({ ...rest, tls: { ...tls, acme } }));
      await node.node.reload();
    };
    assert.equal(rowOf(node.node), undefined);
    // Names that lead to somebody who closes every connection.
    const elsewhere = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await once(elsewhere, 'listening');
    t.after(() => elsewhere.close());
    const address = elsewhere.address();
    assert.ok(typeof address === 'object' && address !== null);
    pebble.lead(address.port);
    const { directory } = pebble;
    await change({ domains: ['one.test'], directory });
    await eventually('the refusal', () => rowOf(node.node)?.error !== undefined, patience);
    const refusal = /^one\.test: the authorization is invalid: .+ \(urn:ietf:params:acme:error:\w+\)$/;
    assert.match(rowOf(node.node)?.error ?? '', refusal);
    const [problem] = node.node.status().problems.filter(({ where }) => where === 'tls.acme');
    assert.match(problem?.message ?? '', refusal);

    pebble.lead(node.port);
    await change({ domains: ['two.test'], directory });
    await inUse(node.node);
    assert.deepEqual(rowOf(node.node)?.names, ['DNS:two.test']);
    assert.equal(node.node.status().problems.length, 0);
    const socket = await open(node.port, { servername: 'two.test', ...http, ca: pebble.root });
    assert.equal(socket.authorized, true);

    await change(undefined);
    assert.equal(rowOf(node.node), undefined);
    assert.equal((await shown(node.port, { servername: 'two.test', ...http })).subjectAltName, undefined);
    await healthy(socket);
    socket.destroy();
  },
);

/** Our dialler, calling ngtcp2. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { DialError } from '../../../src/endpoint/dial-error.ts';
import type { DialOptions, TransportConnection } from '../../../src/endpoint/engine.ts';
import { quicTransport } from '../../../src/endpoint/quic/index.ts';
import { freshCertificate } from '../../../src/identity/certificate.ts';
import { body, creditUnidirectional, gtlsserver, noServer, request } from './ngtcp2.ts';
import { clientCertificate, readAll, tuning, until } from './support.ts';

const certificate = freshCertificate();

interface Dialling {
  readonly log: () => string;
  dial(options?: Partial<DialOptions>): Promise<TransportConnection>;
}

async function dialling(
  t: TestContext,
  { files = {}, args = [] }: { files?: Readonly<Record<string, Uint8Array>>; args?: readonly string[] } = {},
): Promise<Dialling> {
  creditUnidirectional({ certificate: clientCertificate, alpns: ['h3'], demandCertificate: true });
  const server = await gtlsserver(t, certificate, files, args);
  const transport = quicTransport();
  t.after(() => transport.close());
  const dial = async (options: Partial<DialOptions> = {}): Promise<TransportConnection> => {
    try {
      const connection = await transport.dial({
        address: server.address,
        alpn: 'h3',
        serverName: 'localhost',
        certificate: clientCertificate,
        verify: () => {},
        timeoutMs: 5000,
        tuning,
        ...options,
      });
      t.after(() => connection.close(0, ''));
      return connection;
    } catch (error) {
      // It does not listen yet.
      if (error instanceof DialError && error.code === 'Connect') {
        await new Promise((resolve) => setTimeout(resolve, 20));
        return dial(options);
      }
      throw error;
    }
  };
  return { log: server.log, dial };
}

async function get(connection: TransportConnection, path: string): Promise<Buffer> {
  const stream = await connection.openStream();
  stream.end(request(path));
  return body(await readAll(stream));
}

test('a dial reaches ngtcp2, and its streams carry a request and 1 MiB back', {
  skip: noServer,
}, async (t) => {
  const file = randomBytes(1 << 20);
  const server = await dialling(t, { files: { file } });
  const seen: number[] = [];
  const connection = await server.dial({
    verify: (chain) => {
      seen.push(chain.length);
    },
  });
  assert.equal(connection.alpn, 'h3');
  assert.deepEqual(seen, [1]);
  const got = await Promise.all(Array.from({ length: 4 }, () => get(connection, '/file')));
  assert.deepEqual(
    got.map((each) => each.equals(file)),
    [true, true, true, true],
  );
});

test('a dial goes through the Retry of ngtcp2', { skip: noServer }, async (t) => {
  const file = randomBytes(1000);
  const server = await dialling(t, { files: { file }, args: ['--validate-addr'] });
  const connection = await server.dial();
  assert((await get(connection, '/file')).equals(file));
  assert.match(server.log(), /Sending Retry packet/);
  assert.match(server.log(), /Token was successfully validated/);
});

test('a dial goes through where ngtcp2 asks for a certificate', { skip: noServer }, async (t) => {
  const file = randomBytes(1000);
  const server = await dialling(t, { files: { file }, args: ['--verify-client'] });
  const connection = await server.dial();
  assert((await get(connection, '/file')).equals(file));
});

test('END-17 a dial for an ALPN that ngtcp2 does not serve fails with NoAlpn', {
  skip: noServer,
}, async (t) => {
  const server = await dialling(t);
  await assert.rejects(server.dial({ alpn: 'alknet/call' }), {
    code: 'NoAlpn',
    message: /does not serve alknet\/call$/,
  });
});

test('a dial that refuses the certificate of ngtcp2 tells it so with 0x12A', {
  skip: noServer,
}, async (t) => {
  const server = await dialling(t);
  const wrong = new DialError('PeerMismatch', 'another key');
  const refused = server.dial({
    verify: () => {
      throw wrong;
    },
  });
  await assert.rejects(refused, wrong);
  await until(() => server.log().includes('CRYPTO_ERROR(0x12a)'));
  assert.match(server.log(), /frm rx .* CONNECTION_CLOSE\(0x1c\) error_code=CRYPTO_ERROR\(0x12a\)/);
});

test('a close of ours reaches ngtcp2 with its code, and one of ngtcp2 reaches us', {
  skip: noServer,
}, async (t) => {
  const server = await dialling(t);
  const connection = await server.dial();
  connection.close(0xa1c0, 'shutdown');
  await until(() => server.log().includes('0xa1c0'));
  assert.match(
    server.log(),
    /frm rx .* CONNECTION_CLOSE\(0x1d\) error_code=.*\(0xa1c0\).* reason=\[shutdown\]/,
  );

  const other = await server.dial();
  const stream = await other.openStream();
  stream.on('error', () => {});
  // DATA before HEADERS: H3_FRAME_UNEXPECTED (RFC 9114 4.1).
  stream.write(Buffer.from([0, 1, 0]));
  const { code, by } = await other.closed;
  assert.deepEqual([code, by], [0x105, 'peer']);
});

for (const [title, args] of [
  ['on the way here', ['--tx-loss=0.05']],
  ['on the way there', ['--rx-loss=0.05']],
] as const)
  test(`1 MiB comes intact from ngtcp2 with one in twenty packets lost ${title}`, {
    skip: noServer,
  }, async (t) => {
    const file = randomBytes(1 << 20);
    const server = await dialling(t, { files: { file }, args });
    const connection = await server.dial({ timeoutMs: 10_000 });
    for (let round = 0; round < 3; round++) assert((await get(connection, '/file')).equals(file));
  });

/**
 * The raw QUIC of `@currentspace/http3`, a newer quiche driven in Rust. It declares Node 24 and takes 120 MB, so it is
 * no dependency, and these tests are there only where it is installed: `npm install --no-save @currentspace/http3@0.9.0`.
 */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import type { Duplex } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { quicTransport } from '../../../src/endpoint/quic/index.ts';
import { freshCertificate } from '../../../src/identity/certificate.ts';
import { makeCertificate } from '../certificates.ts';
import { clientCertificate, echo, listening, readAll, roundTrip, tuning } from './support.ts';

interface Session {
  on(event: 'stream', listener: (stream: Duplex) => void): this;
  on(event: 'error', listener: (error: Error) => void): this;
  on(event: 'close', listener: (info: { readonly errorCode?: number }) => void): this;
  openStream(): Duplex;
  close(code?: number, reason?: string): Promise<void>;
}

interface Library {
  createQuicServer(options: Readonly<Record<string, unknown>>): {
    on(event: 'session', listener: (session: Session) => void): void;
    listen(port: number, host: string): Promise<{ readonly port: number }>;
    close(): Promise<void>;
  };
  connectQuicAsync(authority: string, options: Readonly<Record<string, unknown>>): Promise<Session>;
}

const name = '@currentspace/http3';

const isInstalled = (() => {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch {
    return false;
  }
})();

async function load(): Promise<Library> {
  const library: Library = await import(name);
  return library;
}

async function bytesOf(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function connected(t: TestContext, port: number): Promise<Session> {
  const { connectQuicAsync } = await load();
  const session = await connectQuicAsync(`127.0.0.1:${port}`, {
    alpn: ['test/echo'],
    cert: clientCertificate.cert,
    key: clientCertificate.key,
    rejectUnauthorized: false,
  });
  session.on('error', () => {});
  t.after(() => session.close());
  return session;
}

if (isInstalled) {
  test('@currentspace/http3 connects to our listener, and 1 MiB passes intact both ways on streams of either side', async (t) => {
    // Its TLS takes no Ed25519 certificate.
    const server = await listening(t, {
      parameters: { certificate: makeCertificate({ key: 'p256' }) },
      onAccepted: echo,
    });
    const session = await connected(t, server.address.port);
    const accepted = await server.next();
    assert(accepted.peerCertificate !== null);
    const data = randomBytes(1 << 20);
    const stream = session.openStream();
    const back = bytesOf(stream);
    stream.end(data);
    assert((await back).equals(data));

    session.on('stream', (theirs) => {
      theirs.on('error', () => {});
      theirs.pipe(theirs);
    });
    assert((await roundTrip(accepted, data)).equals(data));
    await session.close(7, 'done');
    assert.deepEqual(await accepted.closed, { code: 7, reason: 'done', by: 'peer' });
  });

  test('our dialler connects to @currentspace/http3, and 1 MiB passes intact both ways on streams of either side', async (t) => {
    const { createQuicServer } = await load();
    const certificate = freshCertificate();
    const server = createQuicServer({ ...certificate, alpn: ['test/echo'], disableRetry: false });
    const sessions = new Promise<Session>((resolve) => server.on('session', resolve));
    const { port } = await server.listen(0, '127.0.0.1');
    const transport = quicTransport();
    t.after(async () => {
      await transport.close();
      await server.close();
    });
    const connection = await transport.dial({
      address: { address: '127.0.0.1', port },
      alpn: 'test/echo',
      serverName: null,
      certificate: clientCertificate,
      verify: () => {},
      timeoutMs: 5000,
      tuning,
    });
    t.after(() => connection.close(0, ''));
    const session = await sessions;
    session.on('error', () => {});
    session.on('stream', (stream) => {
      stream.on('error', () => {});
      stream.pipe(stream);
    });
    const data = randomBytes(1 << 20);
    assert((await roundTrip(connection, data)).equals(data));

    const theirs = new Promise<Buffer>((resolve) => {
      connection.serve((stream) => void readAll(stream).then(resolve));
    });
    session.openStream().end(data);
    assert((await theirs).equals(data));
  });
}

/**
 * One end of a bulk transfer, in a process of its own: `serve ADDRESS` sends without end to whoever comes, over TCP and
 * over QUIC; `fetch TRANSPORT ADDRESS PORT MS` counts what comes in that time. Tells its parent.
 */

import { connect, createServer } from 'node:net';
import type { Writable } from 'node:stream';
import { quicTransport } from '../../src/endpoint/quic/index.ts';
import { freshCertificate } from '../../src/identity/certificate.ts';
import { clientCertificate, tuning } from '../endpoint/quic/support.ts';

const [role, ...args] = process.argv.slice(2);
process.on('disconnect', () => process.exit(0));
if (role === 'serve') await serve(args[0] ?? '');
else await fetch(args);

async function serve(host: string): Promise<void> {
  const tcp = createServer((socket) => {
    socket.on('error', () => {});
    pour(socket);
  });
  await new Promise<void>((resolve) => tcp.listen(0, host, resolve));
  const bound = tcp.address();
  if (bound === null || typeof bound === 'string') throw new Error('no port');
  const certificate = freshCertificate();
  const quic = await quicTransport().listen({
    host,
    port: 0,
    tuning,
    policy: {
      handshakeTimeout: 10_000,
      admit: () => ({ established() {}, release() {} }),
      parameters: () => ({ certificate, alpns: ['test/pour'], clientCertificate: 'demand' }),
      accepted: (connection) => connection.serve((stream) => pour(stream)),
    },
  });
  process.send?.({ tcp: bound.port, quic: quic.address.port });
}

/** The same 64 KiB again and again, as fast as they are taken. */
function pour(to: Writable): void {
  const block = Buffer.alloc(64 * 1024, 'alknet');
  const more = () => {
    while (!to.destroyed && to.write(block));
  };
  to.on('drain', more);
  more();
}

async function fetch([transport, address = '', port, ms]: string[]): Promise<void> {
  const stream =
    transport === 'tcp' ? connect(Number(port), address) : await quicStream(address, Number(port));
  let bytes = 0;
  stream.on('error', () => {});
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  setTimeout(() => {
    process.send?.({ bytes });
  }, Number(ms));
}

async function quicStream(address: string, port: number) {
  const connection = await quicTransport().dial({
    address: { address, port },
    alpn: 'test/pour',
    serverName: null,
    certificate: clientCertificate,
    verify: () => {},
    timeoutMs: 10_000,
    tuning,
  });
  const stream = await connection.openStream();
  stream.write('go');
  return stream;
}

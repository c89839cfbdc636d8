/**
 * A proxy for both SOCKS5 and HTTP CONNECT at the first argument's address, and a page beside it. It knows one name that
 * nobody else does. What it does is told in lines of JSON.
 */

import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Reply, reply, Socks5Handshake } from '../../../src/client/socks5.ts';

const [address = ''] = process.argv.slice(2);
const tell = (value: object) => process.stdout.write(`${JSON.stringify(value)}\n`);

function join(client: Socket, host: string, port: number, opened: Buffer | string): void {
  tell({ event: 'connect', host, port });
  const there = connect({ host: host === 'node.invalid' ? address : host, port, allowHalfOpen: true });
  there.once('connect', () => {
    client.write(opened);
    client.pipe(there).pipe(client);
  });
  there.on('error', () => client.destroy());
  client.on('close', () => there.destroy());
  there.on('close', () => client.destroy());
}

const proxy = createServer({ allowHalfOpen: true }, (client) => {
  client.on('error', () => {});
  const handshake = new Socks5Handshake();
  client.on('data', function onData(chunk: Buffer) {
    const [, host = '', port] = /^CONNECT ([^:]+):(\d+) /.exec(chunk.toString('latin1')) ?? [];
    if (port !== undefined) {
      client.off('data', onData);
      return join(client, host, Number(port), 'HTTP/1.1 200 OK\r\n\r\n');
    }
    const step = handshake.push(chunk);
    if (step.answer) client.write(step.answer);
    if (step.kind === 'close') client.end();
    if (step.kind !== 'connect') return;
    client.off('data', onData);
    join(client, step.host, step.port, reply(Reply.SUCCEEDED));
  });
});
const page = createHttpServer((request, response) => response.end(`for ${request.headers.host}`));

proxy.listen(0, address, () =>
  page.listen(0, '127.0.0.1', () => {
    tell({ event: 'listening', kind: 'proxy', number: 1, port: (proxy.address() as AddressInfo).port });
    tell({ event: 'listening', kind: 'page', number: 1, port: (page.address() as AddressInfo).port });
  }),
);

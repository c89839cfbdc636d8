/**
 * The least that a client of HTTP can be, so that the server is what is measured: on HTTP/1.1 a connection for each
 * request in flight, on HTTP/2 one for all.
 *
 * @module
 */

import { once } from 'node:events';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect, type TLSSocket } from 'node:tls';
import { certifiedName } from '../certificate.ts';
import { checkEcho, message } from '../message.ts';
import type { Address, Client, Link, Stop } from '../stack.ts';

const text = JSON.stringify(message);

export function client(version: 1 | 2, address: Address): Client {
  return { connect: async () => (version === 1 ? http1(address) : http2(address)) };
}

function bodyOf({ path }: Address): string {
  return path === '/call' ? `{"operation":"bench/echo","input":${text}}` : text;
}

function check({ path }: Address, body: string): void {
  const answer: unknown = JSON.parse(body);
  checkEcho(path === '/call' ? (answer as { output: unknown }).output : answer);
}

function headOf({ path, token, port }: Address, body: string): string {
  return [
    `POST ${path} HTTP/1.1`,
    `Host: ${certifiedName}:${port}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
    '\r\n',
  ].join('\r\n');
}

async function open({ host, port, ca }: Address): Promise<TLSSocket> {
  const socket = connect({
    host,
    port,
    servername: certifiedName,
    ALPNProtocols: ['http/1.1'],
    ...(ca === undefined ? {} : { ca }),
  });
  await once(socket, 'secureConnect');
  // An idle one ends as its server does; one with a request under way tells by its close.
  socket.on('error', () => {});
  return socket.setNoDelay();
}

/** `undefined` while it is not all there. So small a body is one chunk, where it comes in chunks. */
function bodyIn(received: string, at: number): string | undefined {
  const length = /content-length: (\d+)/i.exec(received)?.[1];
  if (length !== undefined) return received.length < at + Number(length) ? undefined : received.slice(at);
  return received.endsWith('\r\n0\r\n\r\n') ? /\{.*\}/.exec(received.slice(at))?.[0] : undefined;
}

/** Made before the work begins, no more handshakes at once than a server allows one address. */
const connections = 64;
const dialling = 8;

async function pool(address: Address): Promise<TLSSocket[]> {
  const sockets: TLSSocket[] = [];
  let left = connections;
  const lane = async () => {
    while (left-- > 0) sockets.push(await open(address));
  };
  await Promise.all(Array.from({ length: dialling }, lane));
  return sockets;
}

async function http1(address: Address): Promise<Link> {
  const all = await pool(address);
  const idle = [...all];
  const body = bodyOf(address);
  const request = headOf(address, body) + body;
  return {
    async echo() {
      const waiting = idle.pop();
      if (waiting === undefined) throw new Error(`more than ${connections} requests at once`);
      // Between its turns a server may have closed what was idle: Hono does after 5 s.
      const from = waiting.destroyed ? await open(address) : waiting;
      if (from !== waiting) all.push(from);
      await new Promise<void>((resolve, reject) => {
        let received = '';
        const onData = (chunk: Buffer) => {
          received += chunk.toString('latin1');
          const end = received.indexOf('\r\n\r\n');
          if (end < 0) return;
          const answer = bodyIn(received, end + 4);
          if (answer === undefined) return;
          from.off('data', onData).off('close', onClose);
          if (!received.startsWith('HTTP/1.1 200')) return reject(new Error(received));
          check(address, answer);
          resolve();
        };
        const onClose = () => reject(new Error('the connection ended before the answer'));
        from.on('data', onData).once('close', onClose);
        from.write(request);
      });
      idle.push(from);
    },
    async items(onItem) {
      const socket = await open(address);
      const input = `{"operation":"bench/items","input":${text}}`;
      socket.write(headOf({ ...address, path: '/subscribe' }, input) + input);
      socket.on('data', (chunk: Buffer) => {
        for (let at = chunk.indexOf('data: '); at >= 0; at = chunk.indexOf('data: ', at + 6)) onItem();
      });
      const stop: Stop = async () => void socket.destroy();
      return stop;
    },
    async close() {
      for (const socket of all) socket.destroy();
    },
  };
}

async function http2(address: Address): Promise<Link> {
  const { host, port, ca, path = '/', token } = address;
  const session: ClientHttp2Session = connectHttp2(`https://${certifiedName}:${port}`, {
    host,
    ...(ca === undefined ? {} : { ca }),
  });
  await once(session, 'connect');
  session.on('error', () => {});
  const body = bodyOf(address);
  const headers = {
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  return {
    echo: () =>
      new Promise<void>((resolve, reject) => {
        const stream = session.request(headers);
        let received = '';
        stream.setEncoding('utf8');
        stream.on('data', (chunk: string) => {
          received += chunk;
        });
        stream.on('error', reject);
        stream.on('end', () => {
          check(address, received);
          resolve();
        });
        stream.end(body);
      }),
    async close() {
      session.destroy();
    },
  };
}

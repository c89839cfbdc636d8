/**
 * ngtcp2, another QUIC stack, as programs of Debian: `gtlsclient` and `gtlsserver`. Both speak HTTP/3 alone, so the few
 * frames of it that a test needs are made here by hand (RFC 9114 7.2, RFC 9204).
 */

import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { RemoteAddress } from '@alknet/sdk';
import type { Certificate } from '../../../src/endpoint/engine.ts';
import { quicConfig } from '../../../src/endpoint/quic/config.ts';
import { type Ending, tuning } from './support.ts';

/** Debian keeps servers out of the path of users. */
const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];

function find(program: string): string | undefined {
  return folders
    .map((folder) => join(folder, program))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

const client = find('gtlsclient');
const server = find('gtlsserver');

/** Why there is none here, in one line; `false`: there is. */
export const noClient = client === undefined && 'needs gtlsclient (Debian package ngtcp2-client)';
export const noServer = server === undefined && 'needs gtlsserver (Debian package ngtcp2-server)';

/**
 * ngtcp2's programs want credit for the three unidirectional streams of HTTP/3, which `docs/spec/endpoint.md` 6.1 gives to
 * ALPN `h3` alone. Configurations are kept by their facts, so this one is what an endpoint of this process with the same facts uses.
 */
export function creditUnidirectional(facts: {
  certificate: Certificate;
  alpns: readonly string[];
  demandCertificate: boolean;
}): void {
  const config = quicConfig({ ...facts, payload: tuning.loopbackUdpPayload, tuning });
  config.setInitialMaxStreamsUni(3);
  config.setInitialMaxStreamDataUni(64 * 1024);
}

export function folder(t: Ending): string {
  const path = mkdtempSync(join(tmpdir(), 'alknet-ngtcp2-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

export interface Run {
  /** What it printed: every packet and frame. */
  log(): string;
  /** Resolves with its exit code. */
  readonly exited: Promise<number | null>;
}

function run(t: Ending, program: string, args: readonly string[]): Run {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  for (const output of [child.stdout, child.stderr])
    output.on('data', (chunk: Buffer) => {
      log += chunk;
    });
  const closed = once(child, 'close').then(([code]) => code as number | null);
  t.after(async () => {
    child.kill('SIGKILL');
    await closed;
  });
  return { log: () => log, exited: closed };
}

/** Asks for `https://localhost/` once, and once more for each further path. */
export function gtlsclient(
  t: Ending,
  { address, port }: RemoteAddress,
  args: readonly string[] = [],
  paths: readonly string[] = ['/'],
): Run {
  if (client === undefined) throw new Error('gtlsclient is missing');
  const uris = paths.map((path) => `https://localhost${path}`);
  return run(t, client, [
    '--no-quic-dump',
    '--no-http-dump',
    '--exit-on-all-streams-close',
    ...args,
    address,
    String(port),
    ...uris,
  ]);
}

/** On a port that was free a moment before; it is not known to listen yet. `files` are what it serves. */
export async function gtlsserver(
  t: Ending,
  certificate: Certificate,
  files: Readonly<Record<string, Uint8Array>>,
  args: readonly string[] = [],
): Promise<Run & { readonly address: RemoteAddress }> {
  if (server === undefined) throw new Error('gtlsserver is missing');
  const home = folder(t);
  const [key, cert] = [join(home, 'key.pem'), join(home, 'cert.pem')];
  writeFileSync(key, certificate.key, { mode: 0o600 });
  writeFileSync(cert, certificate.cert);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(home, name), content);
  const port = await freePort();
  const options = ['--no-quic-dump', '--no-http-dump', `--htdocs=${home}`, ...args];
  const running = run(t, server, [...options, '127.0.0.1', String(port), key, cert]);
  return { ...running, address: { address: '127.0.0.1', port } };
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

const frameTypes = { data: 0, headers: 1 } as const;

/** `:status: 200`, index 25 of the static table of RFC 9204. */
const ok = Buffer.from([0, 0, 0xc0 | 25]);

/** An HTTP/3 response with that body. */
export function response(body: Uint8Array): Buffer {
  return Buffer.concat([frame(frameTypes.headers, ok), frame(frameTypes.data, body)]);
}

/** An HTTP/3 request for a path of less than 127 bytes: GET, https, localhost. */
export function request(path: string): Buffer {
  const text = (value: string) => Buffer.from([value.length, ...Buffer.from(value)]);
  const fields = [
    Buffer.from([0, 0, 0xc0 | 17, 0xc0 | 23]),
    // A literal with the name of an entry of the static table: 1 is `:path`, 0 is `:authority`.
    Buffer.from([0x50 | 1]),
    text(path),
    Buffer.from([0x50 | 0]),
    text('localhost'),
  ];
  return frame(frameTypes.headers, Buffer.concat(fields));
}

/** The content of all DATA frames of one direction of a stream. */
export function body(bytes: Buffer): Buffer {
  const pieces: Buffer[] = [];
  let at = 0;
  const integer = () => {
    const length = 1 << ((bytes[at] ?? 0) >> 6);
    let value = BigInt((bytes[at] ?? 0) & 0x3f);
    for (let n = 1; n < length; n++) value = (value << 8n) | BigInt(bytes[at + n] ?? 0);
    at += length;
    return Number(value);
  };
  while (at < bytes.length) {
    const [type, length] = [integer(), integer()];
    if (type === frameTypes.data) pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return Buffer.concat(pieces);
}

function frame(type: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head[0] = type;
  // A variable-length integer of four bytes (RFC 9000 16).
  head.writeUInt32BE(0x8000_0000 + payload.length, 1);
  return Buffer.concat([head, payload]);
}

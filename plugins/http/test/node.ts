/** A real node in a temporary directory that serves HTTP, and the means to ask it. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { makeToken, tokenHash } from '../../../host/src/identity/index.ts';
import type { AlknetNode } from '../../../host/src/node.ts';
import { nodeFolder, portOf } from '../../../host/test/node-folder.ts';
import { lab } from './lab.ts';

export { eventually } from '../../../host/test/eventually.ts';

export interface Reply {
  readonly status: number;
  /** Lower-case names; several values are joined. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  json(): unknown;
}

export interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly token?: string;
  readonly body?: string | Uint8Array;
  /** Sent as `application/json`. */
  readonly json?: unknown;
}

export type Version = 'http/1.1' | 'h2';
export const versions: readonly Version[] = ['http/1.1', 'h2'];

export interface HttpNode {
  readonly node: AlknetNode;
  readonly directory: string;
  readonly port: number;
  readonly quicPort: number;
  readonly url: string;
  /** What the node has logged, one object a line. */
  log(): Record<string, unknown>[];
  /** Adds a peer, or replaces its scopes; its token. */
  grant(id: string, scopes?: readonly string[]): Promise<string>;
  /** Adds a peer that is known by a key. */
  admit(id: string, fingerprint: string, scopes: readonly string[]): Promise<void>;
  revoke(id: string): Promise<void>;
  /** Replaces `plugins.http.config`, and waits until it is in use or refused. */
  configure(config: unknown): Promise<void>;
  ask(path: string, ask?: Ask, version?: Version): Promise<Reply>;
  /** A TLS socket on which nothing is spoken yet. */
  socket(alpn?: string): Promise<TLSSocket>;
  session(): Promise<ClientHttp2Session>;
  stop(): Promise<void>;
}

export interface HttpNodeOptions {
  readonly config?: unknown;
  /** More plugins, by name: source of one file each. */
  readonly plugins?: Readonly<Record<string, string>>;
  readonly entries?: Readonly<Record<string, unknown>>;
  readonly mayFail?: boolean;
  readonly top?: Readonly<Record<string, unknown>>;
}

export async function httpNode(options: HttpNodeOptions = {}): Promise<HttpNode> {
  const folder = await nodeFolder('http');
  const plugins: Record<string, unknown> = {
    http: { config: options.config ?? {} },
    lab: { use: './lab.ts', isolation: 'inline', grant: { operations: ['lab/*'] } },
  };
  await folder.plugin('lab', lab);
  for (const [name, source] of Object.entries(options.plugins ?? {})) {
    await folder.plugin(name, source);
    plugins[name] = { use: `./${name}.ts`, isolation: 'inline' };
  }
  Object.assign(plugins, options.entries);
  const config = {
    listen: { quic: '127.0.0.1:0', tls: '127.0.0.1:0' },
    limits: { drain: '500ms' },
    log: { level: 'info' },
    trust: { mode: 'any' },
    plugins,
    ...options.top,
  };
  await folder.configure(config);
  const node = await folder.start();
  await node.pluginsSettled();
  const failed = node.plugins().filter(({ state }) => state !== 'running');
  if (failed.length > 0 && options.mayFail !== true) {
    await folder.remove();
    throw new Error(`plugins that do not run: ${JSON.stringify(failed)}`);
  }
  const port = portOf(node, 'tls');
  const tokens = new Map<string, string>();
  let stopped: Promise<void> | undefined;

  const socket = async (alpn: string | undefined = 'http/1.1') => {
    const tls = connectTls({
      host: '127.0.0.1',
      port,
      rejectUnauthorized: false,
      ALPNProtocols: alpn === '' ? [] : [alpn],
    });
    tls.on('error', () => {});
    await once(tls, 'secureConnect');
    return tls;
  };
  const session = async () => {
    const made = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
    made.on('error', () => {});
    await once(made, 'connect');
    return made;
  };
  return {
    node,
    directory: folder.path,
    port,
    quicPort: portOf(node, 'quic'),
    url: `https://127.0.0.1:${port}`,
    log: () => folder.log.lines(),
    async grant(id, scopes = []) {
      const token = tokens.get(id) ?? makeToken();
      tokens.set(id, token);
      await folder.admit({ id, scopes, tokenHash: tokenHash(token) });
      return token;
    },
    admit: (id, fingerprint, scopes) => folder.admit({ id, scopes, fingerprints: [fingerprint] }),
    revoke: (id) => folder.forget(id),
    async configure(http) {
      plugins['http'] = { config: http };
      await folder.configure(config);
      await node.reload();
      await node.pluginsSettled();
    },
    ask: (path, ask = {}, version = 'http/1.1') =>
      version === 'h2' ? askHttp2(session, path, ask) : askHttp1(port, path, ask),
    socket,
    session,
    stop() {
      stopped ??= folder.remove();
      return stopped;
    },
  };
}

function fieldsOf({ headers, token, json }: Ask): Record<string, string> {
  return {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(json === undefined ? {} : { 'content-type': 'application/json' }),
    ...headers,
  };
}

function bodyOf({ body, json }: Ask): string | Uint8Array | undefined {
  return json === undefined ? body : JSON.stringify(json);
}

function reply(status: number, headers: Record<string, string>, chunks: readonly Buffer[]): Reply {
  const text = Buffer.concat(chunks).toString('utf8');
  return { status, headers, text, json: () => JSON.parse(text) };
}

function askHttp1(port: number, path: string, ask: Ask): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const body = bodyOf(ask);
    const request = httpsRequest(
      {
        host: '127.0.0.1',
        port,
        path,
        method: ask.method ?? (body === undefined ? 'GET' : 'POST'),
        headers: {
          ...fieldsOf(ask),
          ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
        },
        rejectUnauthorized: false,
        agent: false,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const headers: Record<string, string> = {};
          for (const [name, value] of Object.entries(response.headers))
            if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
          resolve(reply(response.statusCode ?? 0, headers, chunks));
        });
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

async function askHttp2(open: () => Promise<ClientHttp2Session>, path: string, ask: Ask): Promise<Reply> {
  const session = await open();
  const body = bodyOf(ask);
  const stream = session.request(
    { ':path': path, ':method': ask.method ?? (body === undefined ? 'GET' : 'POST'), ...fieldsOf(ask) },
    { endStream: body === undefined },
  );
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  try {
    const answered = once(stream, 'response');
    const ended = once(stream, 'end');
    ended.catch(() => {});
    if (body !== undefined) stream.end(body);
    const [fields] = (await answered) as [Record<string, string | number>];
    await ended;
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(fields)) headers[name] = String(value);
    return reply(Number(fields[':status']), headers, chunks);
  } finally {
    session.close();
  }
}

/** Resolves when the socket is over, however it ended. */
export function over(socket: Readable): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) resolve();
    else socket.once('close', resolve);
  });
}

/** Reads to the end of a socket. */
export async function drained(socket: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of socket) chunks.push(Buffer.from(chunk));
  } catch {
    // A reset is an end, too.
  }
  return Buffer.concat(chunks).toString('latin1');
}

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
export async function run(program: string, args: readonly string[]): Promise<Ran> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

/** Polls until the probe is true. */

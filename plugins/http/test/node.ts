/** A real node in a temporary directory that serves HTTP, and the means to ask it. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Readable, Writable } from 'node:stream';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { changePeers, makeToken, tokenHash } from '../../../host/src/identity/index.ts';
import { type AlknetNode, startNode } from '../../../host/src/node.ts';
import { createVaultFile, Vault } from '../../../host/src/vault/index.ts';
import { lab } from './lab.ts';

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

interface Credential {
  readonly tokenHash?: string;
  readonly fingerprints?: readonly string[];
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
  const directory = await mkdtemp(join(tmpdir(), 'alknet-http-'));
  const dataDir = join(directory, 'data');
  await mkdir(dataDir, { mode: 0o700 });
  const vault = new Vault();
  vault.unlockNew();
  await createVaultFile(dataDir, vault, { kind: 'keyfile' });
  vault.lock();
  const plugins: Record<string, unknown> = {
    http: { config: options.config ?? {} },
    lab: { use: './lab.ts', isolation: 'inline', grant: { operations: ['lab/*'] } },
  };
  await writeFile(join(directory, 'lab.ts'), lab);
  for (const [name, source] of Object.entries(options.plugins ?? {})) {
    await writeFile(join(directory, `${name}.ts`), source);
    plugins[name] = { use: `./${name}.ts`, isolation: 'inline' };
  }
  Object.assign(plugins, options.entries);
  const config = {
    dataDir,
    listen: { quic: '127.0.0.1:0', tls: '127.0.0.1:0' },
    limits: { drain: '500ms' },
    log: { level: 'info' },
    trust: { mode: 'any' },
    plugins,
    ...options.top,
  };
  const configPath = join(directory, 'alknet.config.json');
  const write = () => writeFile(configPath, JSON.stringify(config));
  await write();
  const logged: string[] = [];
  const logStream = new Writable({
    write: (chunk, _encoding, done) => {
      logged.push(String(chunk));
      done();
    },
  });
  const node = await startNode({ configPath, logStream });
  await node.pluginsSettled();
  const failed = node.plugins().filter(({ state }) => state !== 'running');
  if (failed.length > 0 && options.mayFail !== true) {
    await node.stop();
    throw new Error(`plugins that do not run: ${JSON.stringify(failed)}`);
  }
  const portOf = (transport: string) =>
    node.addresses.find((each) => each.transport === transport)?.address.port ?? 0;
  const port = portOf('tls');
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
  const put = async (id: string, scopes: readonly string[], credential: Credential) => {
    await changePeers(dataDir, (entries) => [
      ...entries.filter((entry) => entry.id !== id),
      {
        id,
        fingerprints: [],
        scopes,
        resources: {},
        enabled: true,
        createdAt: new Date().toISOString(),
        ...credential,
      },
    ]);
    await node.reload();
  };
  return {
    node,
    directory,
    port,
    quicPort: portOf('quic'),
    url: `https://127.0.0.1:${port}`,
    log: () =>
      logged
        .join('')
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line)),
    async grant(id, scopes = []) {
      const token = tokens.get(id) ?? makeToken();
      tokens.set(id, token);
      await put(id, scopes, { tokenHash: tokenHash(token) });
      return token;
    },
    admit: (id, fingerprint, scopes) => put(id, scopes, { fingerprints: [fingerprint] }),
    async revoke(id) {
      await changePeers(dataDir, (entries) => entries.filter((entry) => entry.id !== id));
      await node.reload();
    },
    async configure(http) {
      plugins['http'] = { config: http };
      await write();
      await node.reload();
      await node.pluginsSettled();
    },
    ask: (path, ask = {}, version = 'http/1.1') =>
      version === 'h2' ? askHttp2(session, path, ask) : askHttp1(port, path, ask),
    socket,
    session,
    stop() {
      stopped ??= (async () => {
        await node.stop();
        await rm(directory, { recursive: true, force: true });
      })();
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
export async function eventually(what: string, probe: () => Promise<boolean> | boolean, within = 5000) {
  const begun = performance.now();
  while (!(await probe())) {
    if (performance.now() - begun > within) throw new Error(`${what}: not within ${within} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

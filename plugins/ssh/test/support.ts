/** The plugin in a node in memory, on a bare TCP listener, and the stock OpenSSH client against it. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Identity, PeerDirectory, PeerRecord } from '@alknet/sdk';
import { createTestNode, type TestNode, type TestNodeOptions } from '@alknet/sdk/testing';
import { Client } from 'ssh2';
import plugin from '../src/plugin.ts';

export { eventually as until } from '../../../host/test/eventually.ts';

export const hostPair = (() => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    privateKey: privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(16),
    publicKey: publicKey.export({ format: 'der', type: 'spki' }).subarray(12),
  };
})();

/** A table of peers that a test changes. */
export class Peers implements PeerDirectory {
  readonly #peers = new Map<string, { identity: Identity; record: PeerRecord; enabled: boolean }>();
  /** Told of each change. */
  changed: () => void = () => {};

  set(id: string, scopes: readonly string[], record: Partial<PeerRecord> = {}, enabled = true): void {
    this.#peers.set(id, {
      identity: { id, scopes, resources: {} },
      record: { fingerprints: [], sshKeys: [], ...record, id },
      enabled,
    });
    this.changed();
  }

  resolvePeer(id: string): Identity | undefined {
    const peer = this.#peers.get(id);
    return peer?.enabled === true ? peer.identity : undefined;
  }

  entries(): readonly PeerRecord[] {
    return [...this.#peers.values()].map(({ record }) => record);
  }
}

export interface Key {
  /** File with the private key. */
  readonly file: string;
  /** The line of the `.pub` file. */
  readonly line: string;
  readonly normal: string;
}

export interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Lab {
  readonly node: TestNode;
  readonly peers: Peers;
  readonly port: number;
  readonly folder: string;
  key(name: string, ...type: readonly string[]): Key;
  /** Options of ssh that reach the node with a key. */
  options(key: Key | undefined, user?: string): string[];
  /** The client with a command; resolves with what it made of it. */
  ssh(key: Key | undefined, args: readonly string[], input?: string | Buffer): Promise<Ran>;
  start(key: Key, args: readonly string[]): ChildProcess;
  write(name: string, text: string, mode?: number): string;
  /** Lines of the log that begin with `ssh …`. */
  lines(start: string): string[];
}

/** Whoever runs the tests is not root for the programs that they start. */
export const account = process.getuid?.() === 0 ? { runAs: 'nobody', cwd: '/' } : {};

export async function lab(t: TestContext, config: object = {}, options: TestNodeOptions = {}): Promise<Lab> {
  const folder = mkdtempSync(join(tmpdir(), 'alknet-ssh-'));
  const peers = new Peers();
  const node = await createTestNode(plugin, {
    keys: { 'ssh.hostKey': () => hostPair },
    peers,
    config: { listen: ['127.0.0.1:0'], ...account, ...config },
    ...options,
  });
  peers.changed = () => node.identitiesChanged();
  const running = new Set<ChildProcess>();
  t.after(async () => {
    for (const child of running) child.kill('SIGKILL');
    await node.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const port = listeningPort(node);
  const write = (name: string, text: string, mode = 0o600) => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode });
    chmodSync(path, mode);
    return path;
  };
  const hostLine = Buffer.concat([
    Buffer.from('\0\0\0\x0bssh-ed25519\0\0\0\x20', 'latin1'),
    hostPair.publicKey,
  ]).toString('base64');
  const known = write('known_hosts', `[127.0.0.1]:${port} ssh-ed25519 ${hostLine}\n`);
  const sshOptions = (key: Key | undefined, user = 'somebody') => [
    ...['-F', 'none', '-p', String(port), '-l', user],
    ...['-o', `UserKnownHostsFile=${known}`, '-o', 'GlobalKnownHostsFile=/dev/null'],
    ...['-o', 'StrictHostKeyChecking=yes', '-o', 'IdentitiesOnly=yes', '-o', 'BatchMode=yes'],
    ...['-o', 'IdentityAgent=none', '-o', 'LogLevel=ERROR'],
    ...(key === undefined ? ['-o', 'PubkeyAuthentication=no'] : ['-i', key.file]),
  ];
  const start = (args: readonly string[]) => {
    const child = spawn('ssh', args, { env: { PATH: process.env['PATH'], HOME: folder } });
    running.add(child);
    child.once('close', () => running.delete(child));
    child.stdin.on('error', () => {});
    return child;
  };
  return {
    node,
    peers,
    port,
    folder,
    write,
    options: sshOptions,
    key: (name, ...type) => makeKey(folder, name, type),
    start: (key, args) => start(withOptions(args, sshOptions(key))),
    ssh: (key, args, input = '') => {
      const child = start(withOptions(args, sshOptions(key)));
      child.stdin.end(input);
      return ran(child);
    },
    lines: (begin) => node.log.map(({ event }) => event).filter((event) => event.startsWith(begin)),
  };
}

/** Of an option that stands twice, ssh takes the first. */
function withOptions(args: readonly string[], options: readonly string[]): string[] {
  const host = args.indexOf('127.0.0.1');
  return [...args.slice(0, host), ...options, ...args.slice(host)];
}

/** The client of the library, logged in. */
export async function connected(t: TestContext, port: number, key: Key): Promise<Client> {
  const client = new Client();
  t.after(() => client.end());
  await new Promise<void>((resolve, reject) => {
    client.on('ready', resolve).on('error', reject);
    client.connect({
      host: '127.0.0.1',
      port,
      username: 'somebody',
      privateKey: readFileSync(key.file),
      // Or it asks OpenSSH alone for what OpenSSH has added.
      strictVendor: false,
    });
  });
  return client;
}

/** Logs in with the client of the library, which sends whatever it is told. Resolves with why it failed, or nothing. */
export function libraryLogin(port: number, key: Key, username: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const client = new Client();
    client.on('ready', () => {
      client.end();
      resolve(undefined);
    });
    client.on('error', (error) => resolve(error.message));
    client.connect({ host: '127.0.0.1', port, username, privateKey: readFileSync(key.file) });
  });
}

export function ran(child: ChildProcess): Promise<Ran> {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('latin1').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

export function listeningPort(node: TestNode): number {
  const line = node.log.findLast(({ event }) => event === 'ssh listening');
  return Number(line?.fields['port']);
}

function makeKey(folder: string, name: string, type: readonly string[]): Key {
  const file = join(folder, name);
  const kind = type.length === 0 ? ['-t', 'ed25519'] : type;
  const { status, stderr } = spawnSync('ssh-keygen', ['-q', '-N', '', '-C', name, '-f', file, ...kind]);
  if (status !== 0) throw new Error(`ssh-keygen: ${stderr}`);
  return keyAt(file);
}

export function keyAt(file: string): Key {
  const { stdout } = spawnSync('cat', [`${file}.pub`], { encoding: 'utf8' });
  const line = stdout.trim();
  const blob = Buffer.from(line.split(' ')[1] ?? '', 'base64');
  const normal = line.startsWith('ssh-ed25519 ')
    ? `ed25519:${blob.subarray(-32).toString('hex')}`
    : `ssh-sha256:${createHash('sha256').update(blob).digest('hex')}`;
  return { file, line, normal };
}

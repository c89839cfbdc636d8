/** A real node with the git plugin, and clients that are stock git with a home of their own. */

import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Connection } from '@alknet/sdk';
import type { Session } from '@alknet/sdk/call';
import { connect, dial } from '../../../host/src/client.ts';
import {
  ed25519Fingerprint,
  identityKey,
  makeToken,
  tokenHash,
  writeOperatorKey,
} from '../../../host/src/identity/index.ts';
import type { AlknetNode } from '../../../host/src/node.ts';
import { nodeFolder, portOf } from '../../../host/test/node-folder.ts';

export { eventually } from '../../../host/test/eventually.ts';

const bin = fileURLToPath(new URL('../../../host/bin/', import.meta.url));

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface GitOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Buffer;
}

export interface Client {
  readonly id: string;
  readonly token: string;
  /** Home, and where its clones lie. */
  readonly home: string;
  /** What begins an alknet:// URL of this node. */
  readonly remote: string;
  url(name: string): string;
  /** Any exit code. */
  try(args: readonly string[], options?: GitOptions): Promise<Ran>;
  /** Standard output of what must succeed. */
  git(args: readonly string[], options?: GitOptions): Promise<string>;
  spawn(args: readonly string[], options?: GitOptions): ChildProcess;
  /** A clone with that many commits on main and a remote `origin` that leads to the node. */
  work(name: string, commits?: number, objectFormat?: string): Promise<string>;
  session(): Promise<Session>;
  call(operation: string, input: unknown): Promise<unknown>;
  dial(transport?: 'quic' | 'tls'): Promise<Connection>;
  grant(scopes: readonly string[]): Promise<void>;
}

export interface Node {
  readonly node: AlknetNode;
  readonly directory: string;
  /** Where the repositories are. */
  readonly root: string;
  /** Of QUIC, and of TLS over TCP. */
  readonly port: number;
  readonly tlsPort: number;
  log(): Record<string, unknown>[];
  client(id: string, scopes: readonly string[]): Promise<Client>;
  /** Replaces the config of the plugin. */
  configure(config: Readonly<Record<string, unknown>>): Promise<void>;
  /** What lies in a repository that no finished run of git leaves. */
  leftovers(name: string): Promise<string[]>;
  refs(name: string): Promise<string>;
}

/** Those of another plugin, for tests that need it. */
export type More = Readonly<Record<string, unknown>>;

export async function realNode(
  t: TestContext,
  config: Readonly<Record<string, unknown>> = {},
  more: More = {},
): Promise<Node> {
  const folder = await nodeFolder('git');
  const { path: directory, dataDir } = folder;
  const write = (gitConfig: Readonly<Record<string, unknown>>) =>
    folder.configure({
      listen: { quic: '127.0.0.1:0', tls: '127.0.0.1:0' },
      limits: { drain: '200ms' },
      plugins: { call: true, git: { config: gitConfig }, ...more },
    });
  await write(config);
  const node = await folder.start();
  const sessions: Session[] = [];
  t.after(async () => {
    for (const session of sessions) session.close();
    await folder.remove();
  });
  await mkdir(join(directory, 'bin'));
  await symlink(join(bin, 'git-remote-alknet.js'), join(directory, 'bin', 'git-remote-alknet'));
  await symlink(join(bin, 'alknet.js'), join(directory, 'bin', 'alknet'));
  const root = join(dataDir, 'plugins', 'git', 'repositories');
  const port = portOf(node, 'quic');
  const tlsPort = portOf(node, 'tls');

  const client = async (id: string, scopes: readonly string[]): Promise<Client> => {
    const home = join(directory, 'homes', id);
    await mkdir(home, { recursive: true });
    const { d } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
    const secret = Buffer.from(d ?? '', 'base64url');
    const token = makeToken();
    await mkdir(join(home, 'alknet'), { mode: 0o700 });
    await writeOperatorKey(join(home, 'alknet'), secret);
    const grant = (granted: readonly string[]) =>
      folder.admit({
        id,
        fingerprints: [ed25519Fingerprint(identityKey(secret).publicKey)],
        tokenHash: tokenHash(token),
        scopes: granted,
      });
    await grant(scopes);
    const environment = {
      PATH: `${join(directory, 'bin')}:${process.env['PATH'] ?? ''}`,
      HOME: home,
      ALKNET_DATA: join(home, 'alknet'),
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_TERMINAL_PROMPT: '0',
      LC_ALL: 'C',
      GIT_AUTHOR_NAME: 'Ada',
      GIT_AUTHOR_EMAIL: 'ada@example.org',
      GIT_COMMITTER_NAME: 'Ada',
      GIT_COMMITTER_EMAIL: 'ada@example.org',
    };
    const start = (args: readonly string[], { cwd = home, env = {} }: GitOptions = {}) =>
      spawn('git', ['-c', 'init.defaultBranch=main', '-c', 'advice.detachedHead=false', ...args], {
        cwd,
        env: { ...environment, ...env },
        stdio: 'pipe',
      });
    const run = (args: readonly string[], options: GitOptions = {}) =>
      collect(start(args, options), options.input);
    const git = async (args: readonly string[], options?: GitOptions) => {
      const { code, stdout, stderr } = await run(args, options);
      if (code !== 0) throw new Error(`git ${args.join(' ')} ended with ${code}: ${stderr}`);
      return stdout;
    };
    const remote = `alknet://127.0.0.1:${port}%23${node.id}`;
    const url = (name: string) => `${remote}/${name}.git`;
    const target = { name: 'node', addresses: [{ host: '127.0.0.1', port }], pins: [node.id] };
    const session = async () => {
      const made = await connect(target, { identity: join(home, 'alknet', 'operator.key') });
      sessions.push(made);
      return made;
    };
    let own: Promise<Session> | undefined;
    return {
      id,
      token,
      home,
      remote,
      url,
      try: run,
      git,
      spawn: start,
      async work(name, commits = 1, objectFormat = 'sha1') {
        const folder = join(home, name.replaceAll('/', '-'));
        await git(['init', '--quiet', `--object-format=${objectFormat}`, folder]);
        for (let n = 1; n <= commits; n++) {
          await writeFile(join(folder, `file-${n}.txt`), `${name} ${n}\n`);
          await git(['add', '.'], { cwd: folder });
          await git(['commit', '--quiet', '-m', `commit ${n}`], { cwd: folder });
        }
        await git(['remote', 'add', 'origin', url(name)], { cwd: folder });
        return folder;
      },
      session,
      async call(operation, input) {
        own ??= session();
        return (await own).call(operation, input);
      },
      dial: (transport = 'quic') =>
        dial(
          transport === 'quic' ? target : { ...target, addresses: [{ host: '127.0.0.1', port: tlsPort }] },
          'alknet/git',
          { identity: join(home, 'alknet', 'operator.key'), transport },
        ),
      grant,
    };
  };

  return {
    node,
    directory,
    root,
    port,
    tlsPort,
    client,
    log: () => folder.log.lines(),
    async configure(next) {
      await write(next);
      await node.reload();
    },
    async leftovers(name) {
      const all = await readdir(join(root, `${name}.git`), { recursive: true });
      return all.filter((path) => /(?:^|\/)(?:tmp_|\.tmp-)|\.lock$|incoming-/.test(path));
    },
    refs: async (name) => {
      const child = spawn('git', ['--git-dir', join(root, `${name}.git`), 'show-ref'], { stdio: 'pipe' });
      return (await collect(child)).stdout;
    },
  };
}

export async function collect(child: ChildProcess, input?: string | Buffer): Promise<Ran> {
  const out: Buffer[] = [];
  let stderr = '';
  child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdin?.on('error', () => {});
  child.stdin?.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout: Buffer.concat(out).toString('utf8'), stderr };
}

/** Everything on a repository, for a test's main actor. */
export const all = ['git:admin:**'];

/** A repository on the node with commits on main; the folder that they came from. */
export async function filled(
  client: Client,
  name: string,
  commits = 3,
  objectFormat = 'sha1',
): Promise<string> {
  await client.call('git/create', { name, objectFormat });
  const work = await client.work(name, commits, objectFormat);
  await client.git(['push', '--quiet', 'origin', 'main'], { cwd: work });
  return work;
}

/** The config of a node that takes pushes. */
export const pushing = { push: { enabled: true } };

/** A node that takes pushes, and whose repository `app` has commits of ada on main. */
export async function startedWithApp(
  t: TestContext,
  config: Readonly<Record<string, unknown>> = pushing,
): Promise<{ node: Node; ada: Client; work: string }> {
  const node = await realNode(t, config);
  const ada = await node.client('ada', all);
  return { node, ada, work: await filled(ada, 'app', 2) };
}

/** Processes of git that work on repositories of this node, by their arguments: those that serve them, if nothing else is named. */
export function processesOn(node: Node, command = /(?:upload|receive)-pack/): string[] {
  const output = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' });
  return output.split('\n').filter((row) => row.includes(node.root) && command.test(row));
}

/** Over what the first events came about: that of the making, and of so many pushes. */
export async function ways(client: Client, pushes: number): Promise<unknown[]> {
  const session = await client.session();
  const seen: unknown[] = [];
  for await (const event of session.subscribe('git/events', { since: '0' })) {
    assert.ok(typeof event === 'object' && event !== null && 'via' in event);
    seen.push(event.via);
    if (seen.length > pushes) break;
  }
  session.close();
  return seen;
}

/** A real node run by the built command, in a temporary directory of its own. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

export { eventually } from '../eventually.ts';

export const command = fileURLToPath(new URL('../../bin/alknet.js', import.meta.url));

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Place {
  readonly folder: string;
  /** What ends each daemon that runs here. */
  readonly daemons: Set<() => Promise<unknown>>;
  readonly data: string;
  readonly config: string;
  run(args: readonly string[], input?: string): Promise<Ran>;
  /** The same, which must succeed; its standard output. */
  ok(args: readonly string[], input?: string): Promise<string>;
  write(name: string, text: string): Promise<string>;
  read(name: string): Promise<string>;
}

/** An empty folder, in which the command finds nothing of the machine's own. */
export async function place(t: TestContext): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'alknet-e2e-'));
  const daemons = new Set<() => Promise<unknown>>();
  // Hooks run in the order in which they were made: what writes here must end first.
  t.after(async () => {
    await Promise.all([...daemons].map((end) => end()));
    await rm(folder, { recursive: true, force: true });
  });
  const run = (args: readonly string[], input = '') => runCommand(folder, args, input);
  return {
    folder,
    daemons,
    data: join(folder, 'data'),
    config: join(folder, 'alknet.config.json'),
    run,
    async ok(args, input) {
      const { code, stdout, stderr } = await run(args, input);
      if (code !== 0) throw new Error(`alknet ${args.join(' ')} ended with ${code}: ${stderr}`);
      return stdout;
    },
    async write(name, text) {
      const path = join(folder, name);
      // Some hold secrets, and those that others could read are refused.
      await writeFile(path, text, { mode: 0o600 });
      return path;
    },
    read: (name) => readFile(join(folder, name), 'utf8'),
  };
}

function environment(folder: string): NodeJS.ProcessEnv {
  const { PATH, TMPDIR } = process.env;
  return {
    PATH,
    TMPDIR,
    HOME: folder,
    XDG_CONFIG_HOME: join(folder, 'xdg'),
    XDG_DATA_HOME: join(folder, 'xdg'),
  };
}

async function runCommand(folder: string, args: readonly string[], input: string): Promise<Ran> {
  const child = spawn(process.execPath, [command, ...args], { cwd: folder, env: environment(folder) });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

export interface Daemon {
  readonly child: ChildProcess;
  readonly id: string;
  readonly port: number;
  /** Everything that it has written. */
  output(): string;
  /** Resolves with the exit code after a signal. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** A made node with its listeners on ports that the system chooses. */
export async function made(t: TestContext, extra: readonly string[] = ['--no-passphrase']): Promise<Place> {
  const here = await place(t);
  await here.ok(['init', '--listen', '127.0.0.1:0', ...extra]);
  return here;
}

/** Runs `alknet up` and resolves when it serves; rejects with its output when it ends instead. */
export async function up(
  here: Place,
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<Daemon> {
  const child = spawn(process.execPath, [command, 'up', '--json', ...args], {
    cwd: here.folder,
    env: { ...environment(here.folder), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  here.daemons.add(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await closed;
  });
  let output = '';
  const line = new Promise<string>((resolve, reject) => {
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      stdout += text;
      if (stdout.includes('\n')) resolve(stdout.slice(0, stdout.indexOf('\n')));
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    void closed.then(([code]) => reject(new Error(`alknet up ended with ${code}: ${output}`)));
  });
  const { id, addresses } = JSON.parse(await line) as { id: string; addresses: { port: number }[] };
  return {
    child,
    id,
    port: addresses[0]?.port ?? 0,
    output: () => output,
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      const [code] = await closed;
      return code;
    },
  };
}

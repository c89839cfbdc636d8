/** A real node that forwards, and the tunnels of the built `alknet` to it. */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { made, type Place } from '../../../../host/test/e2e/support.ts';
import { served } from '../served.ts';
import { account, ran, until } from '../support.ts';

export const program = fileURLToPath(new URL('../../../../host/bin/alknet.js', import.meta.url));

export function environment({ folder }: Place): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    HOME: folder,
    XDG_CONFIG_HOME: join(folder, 'xdg'),
    XDG_DATA_HOME: join(folder, 'xdg'),
  };
}

/** Not started yet; the operator may forward what `policy` allows. */
export async function forwarding(
  t: TestContext,
  policy: object = { default: 'allow' },
  listen = '127.0.0.1:0',
): Promise<Place> {
  const here = await made(t);
  const ssh = { config: { ...account, forward: { policy } } };
  await here.write(
    'alknet.config.json',
    JSON.stringify({
      dataDir: './data',
      listen: { quic: listen, tls: listen },
      plugins: { call: true, ssh },
    }),
  );
  await here.ok(['peer', 'set', 'operator', '--scope', 'ssh:forward:local', '--scope', 'ssh:forward:remote']);
  return here;
}

export interface Event {
  readonly event: string;
  readonly kind?: string;
  readonly number?: number;
  readonly host?: string;
  readonly port?: number;
  readonly reason?: string;
  readonly open?: number;
  /** Of `alknet up`. */
  readonly id?: string;
  readonly addresses?: readonly { readonly port: number }[];
}

export interface Running {
  readonly child: ChildProcess;
  /** The lines so far, of `--json`. */
  events(): Event[];
  /** All that it wrote. */
  output(): string;
  /** The port of a listener once it is there. */
  port(kind: string, number?: number): Promise<number>;
  heard(event: string): Promise<Event>;
  /** Its first line. */
  first(): Promise<Event>;
  /** Its exit code. */
  readonly ended: Promise<number | null>;
}

/** A command that runs until a signal; `inside` are words that run it elsewhere. */
export function start(
  t: TestContext,
  here: Place,
  args: readonly string[],
  inside: readonly string[] = [],
): Running {
  return startProgram(t, here, [...inside, process.execPath, program, ...args]);
}

/** Any program that writes lines of JSON and runs until a signal. */
export function startProgram(t: TestContext, here: Place, words: readonly string[]): Running {
  const child = spawn(words[0] ?? '', words.slice(1), { cwd: here.folder, env: environment(here) });
  child.stdin.end();
  let stdout = '';
  let all = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text: Buffer | string) => {
      all += text;
    });
  const ended = once(child, 'close').then(([code, signal]) => code ?? signal);
  here.daemons.add(async () => {
    if (child.exitCode === null) child.kill('SIGKILL');
    await ended;
  });
  t.after(() => child.kill('SIGKILL'));
  const events = () =>
    stdout
      .split('\n')
      .slice(0, -1)
      .map((line): Event => JSON.parse(line));
  const awaited = async (what: string, find: () => Event | undefined) => {
    await until(
      what,
      () => {
        if (child.exitCode !== null && find() === undefined) throw new Error(`${what}: it ended: ${all}`);
        return find() !== undefined;
      },
      60_000,
    );
    return find() ?? { event: '' };
  };
  return {
    child,
    events,
    output: () => all,
    ended,
    heard: (name) => awaited(name, () => events().find(({ event }) => event === name)),
    first: () => awaited('a line', () => events()[0]),
    port: async (kind, number = 1) => {
      const found = await awaited(`${kind} ${number}`, () =>
        events().find(
          (event) => event.event === 'listening' && event.kind === kind && event.number === number,
        ),
      );
      return found.port ?? 0;
    },
  };
}

export const echo = (t: TestContext): Promise<number> => served(t, (socket) => socket.pipe(socket));

/** What comes back for `question` when only its direction is ended; what came before a reset. */
export async function ask(port: number, question: string | Buffer): Promise<Buffer> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk)).on('error', () => {});
  socket.end(question);
  await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(chunks);
}

export interface Curled {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export async function curl(args: readonly string[], inside: readonly string[] = []): Promise<Curled> {
  const words = [...inside, 'curl', '-sS', '--max-time', '60', ...args];
  const child = execFile(words[0] ?? '', words.slice(1));
  return await ran(child);
}

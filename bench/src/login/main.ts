/**
 * `npm run bench -- login`: logins by key with OpenSSH's `ssh`, to OpenSSH's `sshd` and to a node, and what a session
 * that does nothing keeps in memory.
 *
 * @module
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Stoppable, stoppable } from '../files/contenders.ts';
import { machine } from '../machine.ts';
import { type Server, servers } from './contenders.ts';
import { proportionalSize, treeOf } from './memory.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    logins: { type: 'string', default: '64' },
    sessions: { type: 'string', default: '200' },
  },
});
const rounds = Number(values.rounds);
const logins = Number(values.logins);
const sessions = Number(values.sessions);
/** Clients at once, where there are several. Fewer than those that sshd begins to turn away. */
const atOnce = 8;

/** So many times `work`, so many at a time. */
async function repeated(times: number, together: number, work: () => Promise<void>): Promise<void> {
  let left = times;
  const worker = async () => {
    while (left-- > 0) await work();
  };
  await Promise.all(Array.from({ length: together }, worker));
}

/** No program runs there: the shell of an account may read files that take longer than the login. */
const staysAndTells = ['-N', '-o', 'PermitLocalCommand=yes', '-o', 'LocalCommand=echo in'];

/** Logs in and stays. Resolves when it is in. */
async function login({ args, name }: Server): Promise<Stoppable> {
  const child = spawn('ssh', [...staysAndTells, ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, SHELL: '/bin/sh' },
  });
  const [first] = await Promise.race([once(child.stdout, 'data'), once(child, 'close')]);
  if (!String(first).startsWith('in')) throw new Error(`${name}: ssh ended with ${first}`);
  return stoppable(child);
}

/** MiB, when it has stopped changing much. */
async function settledSize(server: Server): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 5000));
  return proportionalSize(treeOf(server.pid)) / 1024;
}

const median = (all: readonly number[]) => [...all].sort((a, b) => a - b)[all.length >> 1] ?? Number.NaN;

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'alknet-bench-')));
const running: Stoppable[] = [];
try {
  const all = await servers({ folder, env: { PATH: process.env['PATH'], HOME: folder } }, running, sessions);
  const table: string[][] = [['', ...all.map(({ name }) => name)]];
  for (const [title, together] of [
    ['logins a second, one after the other', 1],
    [`logins a second, ${atOnce} at once`, atOnce],
  ] as const) {
    const rates = all.map((): number[] => []);
    // The first round warms up.
    for (let round = 0; round <= rounds; round++)
      for (const [n, server] of all.entries()) {
        const begun = performance.now();
        await repeated(logins, together, async () => (await login(server)).stop());
        const rate = (logins / (performance.now() - begun)) * 1000;
        console.error(`${title}, ${server.name}: ${rate.toFixed(1)}`);
        if (round > 0) rates[n]?.push(rate);
      }
    table.push([title, ...rates.map((each) => median(each).toFixed(1))]);
  }
  const sizes: { before: number; after: number }[] = [];
  for (const server of all) {
    const staying: Stoppable[] = [];
    const before = await settledSize(server);
    await repeated(sessions, atOnce, async () => void staying.push(await login(server)));
    sizes.push({ before, after: await settledSize(server) });
    await Promise.all(staying.map((each) => each.stop()));
  }
  table.push(
    ['memory without a session', ...sizes.map(({ before }) => `${before.toFixed(1)} MiB`)],
    [`memory with ${sessions} idle sessions`, ...sizes.map(({ after }) => `${after.toFixed(1)} MiB`)],
    [
      'of which for each session',
      ...sizes.map(({ before, after }) => `${(((after - before) / sessions) * 1024).toFixed(0)} KiB`),
    ],
  );
  const { cpu, cores, system, node } = machine();
  console.log(`${new Date().toISOString().slice(0, 10)}, ${cpu}, ${cores} cores, ${system}, Node ${node}\n`);
  const [head = [], ...body] = table;
  for (const line of [head, head.map(() => '---'), ...body]) console.log(`| ${line.join(' | ')} |`);
} finally {
  for (const each of running) await each.stop();
  rmSync(folder, { recursive: true, force: true });
}

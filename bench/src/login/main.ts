/**
 * `npm run bench -- login`: logins by key with OpenSSH's `ssh`, to OpenSSH's `sshd` and to a node, and what a session
 * that does nothing keeps in memory.
 *
 * @module
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { beside, inTurns } from '../beside.ts';
import { type Stoppable, stoppable } from '../files/contenders.ts';
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

/** KiB that a second may still change by. */
const settled = 256;

/** MiB, when it has stopped changing much. */
async function settledSize(server: Server): Promise<number> {
  let size = Number.NaN;
  for (let seconds = 0; seconds < 15; seconds++) {
    const before = size;
    size = proportionalSize(treeOf(server.pid));
    if (Math.abs(size - before) < settled) break;
    await setTimeout(1000);
  }
  return size / 1024;
}

await beside(async ({ place, running, lines }) => {
  const all = await servers(place, running, sessions);
  lines.push(['', ...all.map(({ name }) => name)]);
  for (const [title, together] of [
    ['logins a second, one after the other', 1],
    [`logins a second, ${atOnce} at once`, atOnce],
  ] as const) {
    const rate = async (server: Server) => {
      const begun = performance.now();
      await repeated(logins, together, async () => (await login(server)).stop());
      return (logins / (performance.now() - begun)) * 1000;
    };
    lines.push(await inTurns(title, all, rounds, rate, (value) => value.toFixed(1)));
  }
  const sizes: { before: number; after: number }[] = [];
  for (const server of all) {
    const staying: Stoppable[] = [];
    const before = await settledSize(server);
    await repeated(sessions, atOnce, async () => void staying.push(await login(server)));
    sizes.push({ before, after: await settledSize(server) });
    await Promise.all(staying.map((each) => each.stop()));
  }
  lines.push(
    ['memory without a session', ...sizes.map(({ before }) => `${before.toFixed(1)} MiB`)],
    [`memory with ${sessions} idle sessions`, ...sizes.map(({ after }) => `${after.toFixed(1)} MiB`)],
    [
      'of which for each session',
      ...sizes.map(({ before, after }) => `${(((after - before) / sessions) * 1024).toFixed(0)} KiB`),
    ],
  );
});

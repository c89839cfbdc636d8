/**
 * Ways to one port of this machine by an SSH server on it: OpenSSH's client and server, and those of alknet.
 *
 * @module
 */

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  accepts,
  command,
  freePort,
  type Place,
  type Stoppable,
  sshd,
  startSshd,
  stoppable,
} from '../files/contenders.ts';

export interface Way {
  readonly name: string;
  /** The local port that leads to the target. */
  readonly port: number;
}

/** Adds what it starts to `running`. */
export async function ways(place: Place, target: number, running: Stoppable[]): Promise<Way[]> {
  const sshPort = await freePort();
  const forward = { policy: { default: 'allow' } };
  makeNode(place, ['ssh:forward:local'], { listen: [`127.0.0.1:${sshPort}`], forward });
  await started(place, ['up', '--json'], running);
  const key = join(place.folder, 'data/operator.key');
  const stock = async (name: string, user: string, port: number): Promise<Way> => {
    const local = await freePort();
    const options = [
      ...[`IdentityFile=${key}`, 'IdentitiesOnly=yes', 'BatchMode=yes', 'LogLevel=ERROR'],
      ...['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', `User=${user}`, `Port=${port}`],
      'ExitOnForwardFailure=yes',
    ].flatMap((option) => ['-o', option]);
    const forward = ['-N', '-L', `127.0.0.1:${local}:127.0.0.1:${target}`];
    running.push(
      stoppable(spawn('ssh', ['-F', 'none', ...options, ...forward, '127.0.0.1'], { stdio: 'ignore' })),
    );
    while (!(await accepts(local))) await new Promise((resolve) => setTimeout(resolve, 50));
    return { name, port: local };
  };
  const own = async (name: string, transport: string): Promise<Way> => {
    const args = [
      'forward',
      'local',
      '--json',
      '--transport',
      transport,
      '-L',
      `127.0.0.1:0:127.0.0.1:${target}`,
    ];
    const port = (await started(place, args, running))['port'];
    return { name, port: Number(port) };
  };
  const found: Way[] = [];
  if (existsSync(sshd)) {
    const user = process.env['USER'] ?? 'root';
    found.push(await stock('ssh to sshd', user, await startSshd(place, key, running)));
  }
  found.push(
    await stock('ssh to alknet', 'operator', sshPort),
    await own('alknet forward, QUIC', 'quic'),
    await own('alknet forward, TLS', 'tls'),
  );
  return found;
}

/** Makes a node by `alknet init` that gives its operator these scopes. */
export function makeNode({ folder, env }: Place, scopes: readonly string[], ssh: object): void {
  for (const args of [
    ['init', '--no-passphrase', '--listen', '127.0.0.1:0'],
    ['peer', 'set', 'operator', ...scopes.flatMap((scope) => ['--scope', scope])],
  ]) {
    const { status, stderr } = spawnSync(process.execPath, [command, ...args], { cwd: folder, env });
    if (status !== 0) throw new Error(`alknet ${args.join(' ')} ended with ${status}: ${stderr}`);
  }
  writeFileSync(
    join(folder, 'alknet.config.json'),
    JSON.stringify({
      dataDir: './data',
      listen: { quic: '127.0.0.1:0', tls: '127.0.0.1:0' },
      plugins: { call: true, ssh: { config: ssh } },
    }),
  );
}

/** Its first line: it is ready then. */
export async function started(
  { folder, env }: Place,
  args: readonly string[],
  running: Stoppable[],
): Promise<Record<string, unknown>> {
  const child = spawn(process.execPath, [command, ...args], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  running.push(stoppable(child));
  for await (const line of createInterface({ input: child.stdout })) {
    child.stdout.resume();
    return JSON.parse(line);
  }
  throw new Error(`alknet ${args.join(' ')} ended before it was ready`);
}

/**
 * Who serves the files: OpenSSH's `sftp-server` and `sshd`, and a whole alknet node by its plugins sftp and ssh.
 *
 * @module
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface Place {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
}

export interface Contender {
  readonly name: string;
  /** Of `sftp`. */
  readonly args: readonly string[];
  /** What stands before `/share` in a path of the server. */
  readonly remote: string;
}

export interface Stoppable {
  stop(): Promise<void>;
}

export const command = fileURLToPath(new URL('../../../host/bin/alknet.js', import.meta.url));
const sftpServer = '/usr/lib/openssh/sftp-server';
export const sshd = '/usr/sbin/sshd';

/** Adds what it starts to `running`. */
export async function contenders(place: Place, running: Stoppable[]): Promise<Contender[]> {
  const port = await startNode(place, running);
  const key = join(place.folder, 'data/operator.key');
  const pipe = (alpn: string, transport: string) =>
    `${process.execPath} ${command} pipe local ${alpn} --transport ${transport}`;
  const options = [
    ...[`IdentityFile=${key}`, 'IdentitiesOnly=yes', 'BatchMode=yes', 'LogLevel=ERROR'],
    ...['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null'],
  ];
  const bySsh = (user: string, ...more: readonly string[]) => [
    ...[...options, `User=${user}`, ...more].flatMap((option) => ['-o', option]),
    '127.0.0.1',
  ];
  const { folder } = place;
  const found: Contender[] = [];
  if (existsSync(sftpServer)) found.push({ name: 'sftp-server', args: ['-D', sftpServer], remote: folder });
  found.push(
    { name: 'alknet QUIC', args: ['-D', pipe('alknet/sftp', 'quic')], remote: '' },
    { name: 'alknet TLS', args: ['-D', pipe('alknet/sftp', 'tls')], remote: '' },
  );
  if (existsSync(sshd)) {
    const sshdPort = await startSshd(place, key, running);
    const user = process.env['USER'] ?? 'root';
    found.push({ name: 'sshd', args: bySsh(user, `Port=${sshdPort}`), remote: folder });
  }
  found.push(
    { name: 'alknet SSH', args: bySsh('operator', `Port=${port}`), remote: '' },
    {
      name: 'alknet SSH over QUIC',
      args: bySsh('operator', `ProxyCommand=${pipe('alknet/ssh', 'quic')}`),
      remote: '',
    },
  );
  return found;
}

/** A node made by `alknet init`. The port of its bare SSH listener. */
async function startNode({ folder, env }: Place, running: Stoppable[]): Promise<number> {
  const run = (...args: readonly string[]) => {
    const { status, stderr } = spawnSync(process.execPath, [command, ...args], { cwd: folder, env });
    if (status !== 0) throw new Error(`alknet ${args.join(' ')} ended with ${status}: ${stderr}`);
  };
  run('init', '--no-passphrase', '--listen', '127.0.0.1:0');
  run('peer', 'set', 'operator', '--resource', `sftp=share:${folder}/share:rw`);
  const port = await freePort();
  const path = join(folder, 'alknet.config.json');
  const listener = `"ssh": { "config": { "listen": ["127.0.0.1:${port}"] } }`;
  writeFileSync(path, readFileSync(path, 'utf8').replace('"ssh": true', listener));
  const child = spawn(process.execPath, [command, 'up', '--json'], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  running.push(stoppable(child));
  for await (const _line of createInterface({ input: child.stdout })) break;
  child.stdout.resume();
  return port;
}

export async function startSshd({ folder }: Place, key: string, running: Stoppable[]): Promise<number> {
  const hostKey = join(folder, 'host_key');
  spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', hostKey]);
  const { stdout } = spawnSync('ssh-keygen', ['-y', '-f', key], { encoding: 'utf8' });
  writeFileSync(join(folder, 'authorized_keys'), stdout);
  const port = await freePort();
  const config = join(folder, 'sshd_config');
  writeFileSync(
    config,
    [
      ...[`Port ${port}`, 'ListenAddress 127.0.0.1', `HostKey ${hostKey}`, 'StrictModes no', 'UsePAM no'],
      ...[`AuthorizedKeysFile ${folder}/authorized_keys`, `PidFile ${folder}/sshd.pid`],
      ...['PermitRootLogin yes', `Subsystem sftp ${sftpServer}`, ''],
    ].join('\n'),
  );
  const child = spawn(sshd, ['-D', '-f', config], { stdio: 'ignore' });
  running.push(stoppable(child));
  while (!(await accepts(port))) await new Promise((resolve) => setTimeout(resolve, 50));
  return port;
}

export function stoppable(child: ChildProcess): Stoppable {
  const over = once(child, 'close');
  return {
    async stop() {
      child.kill();
      await over;
    },
  };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const done = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => done(true)).once('error', () => done(false));
  });
}

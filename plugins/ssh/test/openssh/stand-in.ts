/**
 * A program that takes the place of `sshd` in OpenSSH's regress scripts: what it is started with goes to the plugin in a
 * node in memory. `sshd -i` is a byte stream without an address, `sshd -f FILE` the bare listener.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { TestContext } from 'node:test';
import type { CloseInfo } from '@alknet/sdk';
import { createTestNode, type Dispatched, type TestNode } from '@alknet/sdk/testing';
import plugin from '../../src/plugin.ts';
import { listeningPort, Peers } from '../support.ts';
import { type Translated, translate } from './sshd-config.ts';

/** Where Debian's openssh-tests puts the scripts, and programs that they need. */
export const regress = '/usr/lib/openssh/regress';

/**
 * What it does is asked of the sockets beside it; whether a file is good (`-t`) is seen when it is used. `netcat` is what
 * lives as long as the daemon does: whoever kills it by the pid file ends the daemon.
 */
const program = (folder: string) => `#!/bin/sh
file= inetd= log=/dev/null
while [ $# -gt 0 ]; do
  case "$1" in
    -t) exit 0 ;;
    -i) inetd=yes ;;
    -f) file=$2; shift ;;
    -E) log=$2; shift ;;
    -E*) log=\${1#-E} ;;
    *) echo "not a part of this: $*" >&2; exit 1 ;;
  esac
  shift
done
if [ -n "$inetd" ]; then
  exec ${regress}/netcat -N -U ${folder}/inetd.sock
fi
sh -c 'echo $$ $1 >${folder}/daemon.start; exec ${regress}/netcat -U ${folder}/daemon.sock' sh "$file" </dev/null >>$log 2>&1 &
`;

export interface StandIn {
  readonly path: string;
  /** What went wrong beside the plugin: a script that passes with one has shown nothing. */
  readonly failures: readonly unknown[];
}

/** Starts what is behind the program. `regressFolder` is where the scripts run. */
export async function sshdProgram(t: TestContext, folder: string, regressFolder: string): Promise<StandIn> {
  const nodes = new Set<TestNode>();
  const failures: unknown[] = [];
  const owned = (work: (socket: Socket) => Promise<void>) => (socket: Socket) => {
    socket.on('error', () => {});
    work(socket).catch((error) => {
      failures.push(error);
      socket.destroy();
    });
  };
  const servers = [
    await listen(
      join(folder, 'inetd.sock'),
      owned((socket) => serveOne(socket, join(regressFolder, 'sshd_proxy'), nodes)),
    ),
    await listen(
      join(folder, 'daemon.sock'),
      owned((socket) => serveDaemon(socket, join(folder, 'daemon.start'), nodes)),
    ),
  ];
  t.after(async () => {
    for (const server of servers) server.close();
    await Promise.all([...nodes].map((node) => node.stop()));
  });
  const path = join(folder, 'sshd');
  writeFileSync(path, program(folder));
  chmodSync(path, 0o755);
  return { path, failures };
}

/** A node as the file says now. `refresh` looks at the authorized keys again. */
async function start(translated: Translated, nodes: Set<TestNode>, listening: boolean) {
  const peers = new Peers();
  const user = userInfo().username;
  const set = () => peers.set(user, translated.scopes, { sshKeys: translated.sshKeys() });
  set();
  const node = await createTestNode(plugin, {
    keys: { 'ssh.hostKey': () => translated.hostKey },
    peers,
    config: { ...translated.config, ...(listening && { listen: ['127.0.0.1:0'] }) },
    dispatch: (dispatched) => runSubsystem(translated.sftp, dispatched),
  });
  nodes.add(node);
  peers.changed = () => node.identitiesChanged();
  const stop = async () => {
    nodes.delete(node);
    await node.stop();
  };
  return { node, refresh: set, stop };
}

/** `sshd -i`. */
async function serveOne(socket: Socket, file: string, nodes: Set<TestNode>): Promise<void> {
  const { node, stop } = await start(translate(readFileSync(file, 'utf8')), nodes, false);
  const connection = node.connect({ singleStream: true });
  for await (const stream of connection) await joined(socket, stream);
  await stop();
}

/** `sshd -f FILE`: the file is read once, authorized keys at each connection. It lives as long as `socket`. */
async function serveDaemon(socket: Socket, started: string, nodes: Set<TestNode>): Promise<void> {
  const [pid = '', file = ''] = readFileSync(started, 'utf8').trim().split(' ');
  const translated = translate(readFileSync(file, 'utf8'));
  const { node, refresh, stop } = await start(translated, nodes, true);
  const open = new Set<Socket>();
  const server = await listen({ host: '127.0.0.1', port: translated.port }, (client) => {
    refresh();
    const inner = connect({ port: listeningPort(node), host: '127.0.0.1', allowHalfOpen: true });
    for (const end of [client, inner]) {
      open.add(end.on('error', () => {}));
      end.once('close', () => open.delete(end));
    }
    void joined(client, inner);
  });
  writeFileSync(translated.pidFile, `${pid}\n`);
  await Promise.all([once(socket, 'end'), socket.resume()]);
  socket.end();
  server.close();
  for (const end of open) end.destroy();
  await stop();
  rmSync(translated.pidFile, { force: true });
}

async function joined(one: Duplex, other: Duplex): Promise<void> {
  const ways = [pipeline(one, other), pipeline(other, one)];
  await Promise.allSettled(ways);
}

async function runSubsystem(command: string, { stream }: Dispatched): Promise<CloseInfo> {
  const child: ChildProcess = spawn(command, { stdio: ['pipe', 'pipe', 'inherit'] });
  if (child.stdin === null || child.stdout === null) throw new Error(`${command} has no pipes`);
  await Promise.allSettled([pipeline(stream, child.stdin), pipeline(child.stdout, stream)]);
  return { code: 0, reason: '', by: 'local' };
}

async function listen(
  at: string | { host: string; port: number },
  connected: (socket: Socket) => void,
): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, connected).listen(at);
  await once(server, 'listening');
  return server;
}

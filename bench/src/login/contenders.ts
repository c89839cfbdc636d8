/**
 * Who lets in: OpenSSH's `sshd`, and a node with the plugin ssh on a bare port.
 *
 * @module
 */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, type Place, type Stoppable, sshd, startSshd } from '../files/contenders.ts';
import { makeNode, started } from '../forward/contenders.ts';

export interface Server {
  readonly name: string;
  /** Of `ssh`, up to the host. */
  readonly args: readonly string[];
  readonly pid: number;
}

/** Adds what it starts to `running`; the node takes so many `sessions` of one address and peer. */
export async function servers(place: Place, running: Stoppable[], sessions: number): Promise<Server[]> {
  const { folder } = place;
  const port = await freePort();
  makeNode(place, ['ssh:exec'], {
    listen: [`127.0.0.1:${port}`],
    maxConnectionsPerAddress: sessions + 50,
    maxConnectionsPerIdentity: sessions + 50,
    maxUnauthenticated: 50,
    // As with sshd, programs run as whoever measures.
    ...(process.getuid?.() === 0 && { allowRoot: true }),
  });
  await started(place, ['up', '--json'], running);
  const key = join(folder, 'data/operator.key');
  const args = (user: string, at: number) => [
    ...['-F', 'none', '-i', key, '-p', String(at), '-l', user],
    ...['IdentitiesOnly=yes', 'IdentityAgent=none', 'BatchMode=yes', 'LogLevel=ERROR'].flatMap((o) => [
      '-o',
      o,
    ]),
    ...['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null'].flatMap((o) => ['-o', o]),
    '127.0.0.1',
  ];
  const node = {
    name: 'alknet SSH',
    args: args('operator', port),
    pid: pidIn(join(folder, 'data/node.json')),
  };
  if (!existsSync(sshd)) return [node];
  const at = await startSshd(place, key, running);
  const pid = Number(readFileSync(join(folder, 'sshd.pid'), 'utf8'));
  return [{ name: 'sshd', args: args(process.env['USER'] ?? 'root', at), pid }, node];
}

function pidIn(path: string): number {
  const { pid } = JSON.parse(readFileSync(path, 'utf8')) as { pid: number };
  return pid;
}

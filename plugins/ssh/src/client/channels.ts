/**
 * Channels of an SSH session as promises, with the reason of a refusal by its number. RFC 4254 5.1 and 7.2.
 *
 * @module
 */

import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Channel, Client } from 'ssh2';
import { join } from '../join.ts';
import { reset } from '../reset.ts';
import { ChannelStream } from './channel-stream.ts';
import type { End } from './forward-spec.ts';

export class OpenRefusedError extends Error {
  override readonly name = 'OpenRefusedError';
  /** As the server gave it; 0 when the session ended instead. */
  readonly reason: number;

  constructor(reason: number) {
    super('the node refused the connection');
    this.reason = reason;
  }
}

/** What is said of the originator: nothing about who uses the tunnel. `docs/spec/ssh.md` 8.4. */
const originator = '127.0.0.1';

/** Opens a way to `target` as the node sees it. @throws OpenRefusedError */
export function openTo(client: Client, target: End): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const opened = (error: (Error & { reason?: unknown }) | undefined, channel: Channel) => {
      if (error === undefined) resolve(new ChannelStream(channel));
      else reject(new OpenRefusedError(typeof error.reason === 'number' ? error.reason : 0));
    };
    try {
      if (target.kind === 'unix') client.openssh_forwardOutStreamLocal(target.path, opened);
      else client.forwardOut(originator, 0, target.host ?? 'localhost', target.port, opened);
    } catch {
      // The session has just ended.
      reject(new OpenRefusedError(0));
    }
  });
}

const carried = new WeakMap<Client, Set<Socket>>();

/** Connections that a session carries now. */
export function carriedBy(client: Client): number {
  return carried.get(client)?.size ?? 0;
}

/**
 * Joins a socket of this machine with a channel. When the session is lost the socket is reset: the library ends its
 * channels then as if the other side had, and what was cut off would look whole.
 */
export async function carry(client: Client, socket: Socket, channel: Duplex): Promise<void> {
  let sockets = carried.get(client);
  if (sockets === undefined) {
    const all = new Set<Socket>();
    sockets = all;
    carried.set(client, all);
    client.once('close', () => {
      for (const one of all) reset(one);
    });
  }
  sockets.add(socket);
  await join(socket, channel);
  sockets.delete(socket);
}

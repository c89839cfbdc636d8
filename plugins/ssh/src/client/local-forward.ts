/**
 * `-L`: connections to this machine that go on from the node. `docs/spec/ssh.md` 8.2 and 8.3.
 *
 * @module
 */

import type { Socket } from 'node:net';
import { reset } from '../reset.ts';
import { carry, openTo } from './channels.ts';
import type { ForwardSpec } from './forward-spec.ts';
import type { SshLink } from './link.ts';
import { type Listener, listen } from './listen.ts';

/** How long a new connection waits for a session that is down. Milliseconds. */
export const sessionWaitMs = 5000;

/** @throws Error of the listener */
export function forwardLocal(link: SshLink, { bind, target }: ForwardSpec): Promise<Listener> {
  const serve = async (socket: Socket) => {
    try {
      const client = await link.client(sessionWaitMs);
      await carry(client, socket, await openTo(client, target));
    } catch {
      reset(socket);
    }
  };
  return listen(bind, (socket) => void serve(socket));
}

/**
 * Requests on the session channels of a connection, one after the other on each. RFC 4254 5.4.
 *
 * @module
 */

import type { Channel } from './channel.ts';
import type { Channels } from './channels.ts';
import { Session, type SessionOwner } from './session.ts';

/** Requests of a channel under way: a client that sends `env` for all that it has stays far below. */
const maxPending = 256;

interface Line {
  readonly session: Session;
  last: Promise<void>;
  pending: number;
}

export class SessionRequests {
  readonly #channels: Channels;
  readonly #lines = new Map<Channel, Line>();

  constructor(channels: Channels) {
    this.#channels = channels;
  }

  begin(channel: Channel, owner: SessionOwner): void {
    this.#lines.set(channel, { session: new Session(channel, owner), last: Promise.resolve(), pending: 0 });
    void channel.gone.then(() => this.#lines.delete(channel));
  }

  /** `false`: more than a client can mean. */
  request(channel: Channel, type: string, wantReply: boolean, data: unknown): boolean {
    const line = this.#lines.get(channel);
    if (line === undefined) {
      // A forward knows no requests.
      if (wantReply && this.#channels.get(channel.id) === channel) channel.answer(false);
      return true;
    }
    if (line.pending >= maxPending) return false;
    line.pending++;
    line.last = line.last.then(async () => {
      // A defect of ours ends this channel, and nothing else.
      await line.session.request(type, wantReply, data).catch(() => channel.destroy());
      line.pending--;
    });
    return true;
  }
}

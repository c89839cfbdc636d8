/**
 * Keeps what is buffered within `limits.bufferedPerConnection` and `limits.buffered` (`docs/spec/endpoint.md` 11). The
 * transports bound what they receive; what a plugin writes and a peer does not take is bounded here.
 *
 * @module
 */

import type { HostConnection } from './host-connection.ts';
import type { EndpointSettings } from './owner.ts';

/** Milliseconds above the limit, without becoming less, until a connection is ended. */
const stalled = 30_000;

interface Excess {
  readonly since: number;
  readonly least: number;
}

export class BufferWatch {
  private readonly excess = new WeakMap<HostConnection, Excess>();

  /** One look at all connections; those to be ended with `LIMIT`, and for which key. Pure but for its memory. */
  look(
    connections: Iterable<HostConnection>,
    limits: Pick<EndpointSettings, 'buffered' | 'bufferedPerConnection'>,
    now: number,
  ): { connection: HostConnection; key: string }[] {
    const ended: { connection: HostConnection; key: string }[] = [];
    const held: { connection: HostConnection; buffered: number }[] = [];
    let sum = 0;
    for (const connection of connections) {
      const { buffered } = connection.stats();
      if (this.isStalled(connection, buffered, limits.bufferedPerConnection, now)) {
        ended.push({ connection, key: 'limits.bufferedPerConnection' });
        continue;
      }
      sum += buffered;
      held.push({ connection, buffered });
    }
    if (sum <= limits.buffered) return ended;
    for (const { connection, buffered } of held.sort((a, b) => b.buffered - a.buffered)) {
      if (sum <= limits.buffered) break;
      ended.push({ connection, key: 'limits.buffered' });
      sum -= buffered;
    }
    return ended;
  }

  private isStalled(connection: HostConnection, buffered: number, limit: number, now: number): boolean {
    const before = this.excess.get(connection);
    if (buffered <= limit) {
      this.excess.delete(connection);
      return false;
    }
    if (before === undefined || buffered < before.least) {
      this.excess.set(connection, { since: now, least: buffered });
      return false;
    }
    return now - before.since >= stalled;
  }
}

/**
 * What lives: every connection from the moment it has an owner to its end, whoever wills it. `docs/spec/endpoint.md` 3, 11
 * and 13.
 *
 * @module
 */

import { CloseCode, type Log } from '@alknet/sdk/streams';
import { BufferWatch } from './buffers.ts';
import { ConnectionTable } from './connection-table.ts';
import { type HostConnection, timer } from './host-connection.ts';
import { collectGarbage, memoryLimit } from './memory.ts';
import { MemoryWatch } from './memory-watch.ts';
import type { AlpnOwner, EndpointSettings } from './owner.ts';
import type { Refusals } from './refusals.ts';
import { serve } from './serve.ts';

export interface Revocation {
  readonly peer: string;
  readonly reason: 'removed' | 'disabled' | 'expired' | 'credential';
  /** With `credential`: only connections whose handshake showed this. */
  readonly fingerprint?: string;
}

/** Milliseconds for last frames after the signals have been aborted. */
const lastFrames = 100;
/** Milliseconds between two looks at the memory of the process, and looks for one at what is buffered. */
const memoryLook = 250;
const looksForBuffers = 4;
/** Milliseconds between two collections of garbage while memory is short. */
const collectionPause = 5000;

export class LiveConnections {
  readonly table = new ConnectionTable();
  private readonly settings: EndpointSettings;
  private readonly refusals: Refusals;
  private readonly log: Log;
  private readonly buffers = new BufferWatch();
  private readonly memory = new MemoryWatch();
  private looks = 0;
  private collectedAt = Number.NEGATIVE_INFINITY;
  private lookTimer: NodeJS.Timeout | undefined;

  constructor(parts: { settings: EndpointSettings; refusals: Refusals; log: Log }) {
    this.settings = parts.settings;
    this.refusals = parts.refusals;
    this.log = parts.log;
  }

  /** Hands it to its plugin. */
  begin(connection: HostConnection, owner: AlpnOwner): void {
    this.keep(connection);
    void serve(owner, connection, this.log);
  }

  /** Into the table, until it is over. */
  keep(connection: HostConnection): void {
    this.table.add(connection, (identified) => this.checkIdentity(identified));
    this.watch();
    if (!this.log.enabled('debug')) return;
    const fields = {
      id: connection.id,
      transport: connection.transport,
      alpn: connection.alpn,
      remote: connection.remote?.address ?? null,
      plugin: connection.owner?.name ?? null,
    };
    this.log.debug('connection open', { ...fields, peer: connection.identity?.id ?? '-' });
    void connection.closed.then(({ code, reason, by }) => {
      const ms = Math.round(performance.now() - connection.startedAt);
      this.log.debug('connection close', {
        ...fields,
        peer: connection.identity?.id ?? '-',
        code,
        reason,
        by,
        ms,
      });
    });
  }

  /** The limit that one more connection would pass. */
  full(owner: AlpnOwner, identity: { readonly id: string } | null): string | undefined {
    if (identity === null && this.memory.isPressed) return 'limits.memory';
    if (identity !== null && this.table.ofIdentity(identity.id) >= this.settings.connectionsPerIdentity) {
      return 'limits.connectionsPerIdentity';
    }
    const most = owner.limits?.connections;
    if (most !== undefined && this.table.ofPlugin(owner.name) >= most)
      return `plugins.${owner.name}.limits.connections`;
    return undefined;
  }

  /** Its connections may end of themselves until the grace is over. Resolves when none is left. */
  async release(owner: AlpnOwner, reason: string): Promise<void> {
    const own = [...this.table].filter((connection) => connection.owner === owner);
    if (own.length === 0) return;
    const grace = timer(owner.limits?.reloadGrace ?? this.settings.reloadGrace);
    const over = Promise.all(own.map(({ closed }) => closed));
    await Promise.race([over, grace.over]);
    grace.clear();
    for (const connection of own) connection.end(CloseCode.RELOAD, reason);
    await over;
  }

  /** Closes every connection that rests on the peer; how many. */
  revoke({ peer, reason, fingerprint }: Revocation): number {
    const resting = [...this.table].filter(
      (connection) =>
        connection.restsOn(peer) &&
        (fingerprint === undefined || connection.auth.fingerprint === fingerprint),
    );
    for (const connection of resting) connection.end(CloseCode.REVOKED, 'identity revoked');
    this.log.notice('identity revoke', { peer, reason, connections: resting.length });
    return resting.length;
  }

  /** Waits at most `milliseconds` for connections to end of themselves, then ends the rest with `SHUTDOWN`. */
  async drained(milliseconds: number): Promise<void> {
    if (this.table.size === 0) return;
    const patience = timer(milliseconds);
    await Promise.race([this.table.empty(), patience.over]);
    patience.clear();
    for (const connection of this.table) connection.askToLetGo(CloseCode.SHUTDOWN, 'shutdown');
    const farewell = timer(lastFrames);
    await Promise.race([this.table.empty(), farewell.over]);
    farewell.clear();
    this.endAll();
  }

  endAll(): void {
    for (const connection of this.table) connection.end(CloseCode.SHUTDOWN, 'shutdown');
    clearInterval(this.lookTimer);
    this.lookTimer = undefined;
  }

  /** The protocol established an identity that may have too many connections already. */
  private checkIdentity(connection: HostConnection): void {
    const { identity } = connection;
    if (identity === null || this.table.ofIdentity(identity.id) <= this.settings.connectionsPerIdentity)
      return;
    this.endForLimit(connection, 'limits.connectionsPerIdentity');
  }

  private endForLimit(connection: HostConnection, key: string): void {
    const { id, transport, alpn } = connection;
    this.refusals.count(key, { id, transport, alpn, code: CloseCode.LIMIT });
    connection.end(CloseCode.LIMIT, `limit: ${key}`);
  }

  /** One timer for all connections, only while there are any, or memory is short. */
  private watch(): void {
    if (this.lookTimer !== undefined) return;
    this.lookTimer = setInterval(() => {
      if (this.looks++ % looksForBuffers === 0) this.watchBuffers();
      this.watchMemory();
      if (this.table.size > 0 || this.memory.isPressed) return;
      clearInterval(this.lookTimer);
      this.lookTimer = undefined;
    }, memoryLook);
    this.lookTimer.unref();
  }

  private watchBuffers(): void {
    const excess = this.buffers.look(this.table, this.settings, performance.now());
    for (const { connection, key } of excess) this.endForLimit(connection, key);
  }

  private watchMemory(): void {
    const resident = process.memoryUsage.rss();
    const limit = memoryLimit(this.settings.memory);
    const before = this.memory.isPressed;
    const ended = this.memory.look(this.table, resident, limit);
    for (const connection of ended) this.endForLimit(connection, 'limits.memory');
    const { isPressed } = this.memory;
    if (isPressed && !before) this.log.warn('memory short', { resident, limit });
    if (!isPressed && before) this.log.notice('memory enough', { resident, limit });
    const now = performance.now();
    if (!isPressed || now - this.collectedAt < collectionPause) return;
    this.collectedAt = now;
    collectGarbage();
  }
}

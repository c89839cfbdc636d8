/**
 * Every live connection of the node, by id, and the counts that limits need. An entry leaves when its connection is over.
 *
 * @module
 */

import { Tally } from './admission.ts';
import type { HostConnection } from './host-connection.ts';

/** One line of `host/connections/list`. */
export interface ConnectionRow {
  readonly id: string;
  readonly alpn: string;
  readonly plugin: string | null;
  readonly direction: string;
  readonly transport: string;
  readonly remote: string | null;
  readonly peer: string | null;
  readonly since: string;
  readonly streams: number;
  readonly parent?: string;
}

export class ConnectionTable implements Iterable<HostConnection> {
  private readonly byId = new Map<string, HostConnection>();
  private readonly identities = new Tally();
  private readonly plugins = new Tally();
  private readonly directions = new Tally();
  private emptied: (() => void)[] = [];

  get size(): number {
    return this.byId.size;
  }

  [Symbol.iterator](): Iterator<HostConnection> {
    return this.byId.values();
  }

  get(id: string): HostConnection | undefined {
    return this.byId.get(id);
  }

  ofIdentity(id: string): number {
    return this.identities.of(id);
  }

  ofPlugin(name: string): number {
    return this.plugins.of(name);
  }

  ofDirection(direction: HostConnection['direction']): number {
    return this.directions.of(direction);
  }

  /** Counted from here until it is over. */
  add(connection: HostConnection, overLimit: (connection: HostConnection) => void): void {
    this.byId.set(connection.id, connection);
    const plugin = connection.owner?.name;
    if (plugin !== undefined) this.plugins.add(plugin);
    this.directions.add(connection.direction);
    // One place for each identity: an `identify` moves it from that of the handshake to that of the protocol.
    let counted = connection.auth.identity?.id;
    if (counted !== undefined) this.identities.add(counted);
    connection.onIdentify = (identity) => {
      if (!this.byId.has(connection.id)) return;
      if (counted !== undefined) this.identities.remove(counted);
      counted = identity.id;
      this.identities.add(counted);
      overLimit(connection);
    };
    void connection.closed.then(() => {
      this.byId.delete(connection.id);
      if (plugin !== undefined) this.plugins.remove(plugin);
      this.directions.remove(connection.direction);
      if (counted !== undefined) this.identities.remove(counted);
      if (this.byId.size === 0) for (const tell of this.emptied.splice(0)) tell();
    });
  }

  /** Resolves when no connection is left. */
  empty(): Promise<void> {
    if (this.byId.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.emptied.push(resolve));
  }

  rows(): ConnectionRow[] {
    return [...this.byId.values()].map((connection) => ({
      id: connection.id,
      alpn: connection.alpn,
      plugin: connection.owner?.name ?? null,
      direction: connection.direction,
      transport: connection.transport,
      remote: connection.remote?.address ?? null,
      peer: connection.identity?.id ?? null,
      since: connection.since.toISOString(),
      streams: connection.stats().streams,
      ...(connection.parent === null ? {} : { parent: connection.parent.id }),
    }));
  }
}

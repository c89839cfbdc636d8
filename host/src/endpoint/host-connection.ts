/**
 * A connection as the host keeps it: what a plugin sees, and what only the host may do with it.
 *
 * @module
 */

import {
  CarriedConnection,
  type Carrier,
  type CloseInfo,
  type ConnectionFacts,
  connectionClosed,
  type Identity,
} from '@alknet/sdk/streams';
import type { TransportStats } from './engine.ts';
import type { AlpnOwner } from './owner.ts';

export type Direction = 'accepted' | 'dialled' | 'dispatched';

/** The part of a transport's connection that is needed after its handshake. */
export interface HostCarrier extends Carrier {
  flushed?(): Promise<void>;
  stats(): TransportStats;
}

export interface HostConnectionOptions {
  readonly facts: ConnectionFacts;
  readonly owner: AlpnOwner | null;
  readonly direction: Direction;
  readonly parent: HostConnection | null;
}

/** Milliseconds after which an unanswered flush is given up. */
const flushTime = 1000;
const flushLook = 10;

export class HostConnection extends CarriedConnection {
  readonly owner: AlpnOwner | null;
  readonly direction: Direction;
  readonly parent: HostConnection | null;
  /** How many dispatches lie between this and a transport. */
  readonly depth: number;
  readonly since = new Date();
  readonly startedAt = performance.now();
  /** Told of what the protocol established, after it is recorded. */
  onIdentify: (identity: Identity) => void = () => {};
  /** What `closed` has told. */
  private ended: CloseInfo | undefined;
  private readonly host: HostCarrier;

  constructor(carrier: HostCarrier, options: HostConnectionOptions) {
    super(carrier, options.facts);
    this.host = carrier;
    this.owner = options.owner;
    this.direction = options.direction;
    this.parent = options.parent;
    this.depth = options.parent === null ? 0 : options.parent.depth + 1;
    void this.closed.then((info) => {
      this.ended = info;
    });
  }

  override identify(identity: Identity): void {
    super.identify(identity);
    this.onIdentify(identity);
  }

  /** Whether it rests on that peer, by its handshake or by what its protocol established. */
  restsOn(peer: string): boolean {
    return this.auth.identity?.id === peer || this.identity?.id === peer;
  }

  stats(): TransportStats {
    return this.host.stats();
  }

  /** Tells its plugin to let go, and why it will be ended. */
  askToLetGo(code: number, reason: string): void {
    this.letGo(connectionClosed({ code, reason, by: 'host' }));
  }

  /** Ends it by the host's will. */
  end(code: number, reason: string): void {
    this.askToLetGo(code, reason);
    this.carrier.close(code, reason, 'host');
  }

  /** Written data has left, the connection is over, or a second has passed. Never rejects. */
  async flushed(): Promise<void> {
    const timeout = timer(flushTime);
    const left = this.host.flushed?.() ?? this.nothingBuffered(timeout.signal);
    await Promise.race([left, this.closed, timeout.over]);
    timeout.clear();
  }

  private async nothingBuffered(signal: AbortSignal): Promise<void> {
    while (this.host.stats().buffered > 0 && !signal.aborted && this.ended === undefined)
      await timer(flushLook).over;
  }
}

/** A wait that can be called off. */
export function timer(milliseconds: number): { over: Promise<void>; signal: AbortSignal; clear(): void } {
  const controller = new AbortController();
  let handle: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    handle = setTimeout(resolve, milliseconds);
    controller.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  return {
    over,
    signal: controller.signal,
    clear() {
      clearTimeout(handle);
      controller.abort();
    },
  };
}

/**
 * Peers that are connected now, whoever dialled, and the way to call what they offer. `docs/spec/registry.md` 10 and 13.5.
 *
 * @module
 */

import type { RemoteCaller } from '@alknet/sdk';
import { OfferedOperations } from './offered-operations.ts';

/** How calls to a peer are made; read at each call. */
export interface PeerPolicy {
  /** Name the root's caller in forwarded calls. */
  readonly forwardCaller: boolean;
  /** Bearer token of `peers.<alias>.token`. */
  readonly token: string | undefined;
}

export interface ConnectedPeer {
  /** In `peers.json`, or the alias of one that is not there. */
  readonly id: string;
  readonly remote: RemoteCaller;
  readonly offers: OfferedOperations;
}

const plainPolicy: PeerPolicy = { forwardCaller: true, token: undefined };

export class ConnectedPeers {
  /** Oldest first. */
  readonly #connected = new Set<ConnectedPeer>();
  readonly #listeners = new Set<() => void>();
  /** Peer id behind an alias of the configuration. */
  idOfAlias: (alias: string) => string | undefined = () => undefined;
  /** Aliases of the configuration for a peer id. */
  policyOf: (id: string) => PeerPolicy | undefined = () => undefined;

  /** Until `remote` is closed. Of several connections of one peer the newest is used. */
  attach({ id, remote }: Pick<ConnectedPeer, 'id' | 'remote'>): ConnectedPeer {
    const peer: ConnectedPeer = { id, remote, offers: new OfferedOperations(remote) };
    this.#connected.add(peer);
    void remote.closed.then(() => {
      this.#connected.delete(peer);
      this.#changed();
    });
    this.#changed();
    return peer;
  }

  /** By peer id, or by an alias of the configuration. */
  find(name: string): ConnectedPeer | undefined {
    return this.#newest(name) ?? this.#newest(this.idOfAlias(name));
  }

  policy(id: string): PeerPolicy {
    return this.policyOf(id) ?? plainPolicy;
  }

  /** Each peer once, by its newest connection, in order of connection. */
  all(): ConnectedPeer[] {
    return [...new Map([...this.#connected].map((peer) => [peer.id, peer])).values()];
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #newest(id: string | undefined): ConnectedPeer | undefined {
    let newest: ConnectedPeer | undefined;
    for (const peer of this.#connected) if (peer.id === id) newest = peer;
    return newest;
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

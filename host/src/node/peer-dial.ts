/**
 * A session of the call protocol with a node of `peers`: it serves the operations of this node to the other one, and
 * calls its. `docs/spec/registry.md` 13.1.
 *
 * @module
 */

import type { CallLimits, Log } from '@alknet/sdk';
import { createSession } from '@alknet/sdk/call';
import type { Config, LiveConfig } from '../config/index.ts';
import type { Endpoint } from '../endpoint/index.ts';
import type { LinkSession } from '../peers/index.ts';
import type { Registry } from '../registry/registry.ts';
import type { NodePeers } from './peers.ts';
import { targetOf } from './target.ts';

export interface PeerDialParts {
  readonly endpoint: Endpoint;
  readonly registry: Registry;
  readonly peers: NodePeers;
  readonly log: Log;
  readonly limits: Readonly<CallLimits>;
  readonly live: Pick<LiveConfig, 'current'>;
  readonly alias: string;
  readonly peer: Config['peers'][string];
  readonly signal: AbortSignal;
}

/** @throws DialError */
export async function dialPeer(parts: PeerDialParts): Promise<LinkSession> {
  const { endpoint, registry, peers, log, limits, live, alias, peer, signal } = parts;
  const identity = peer.peer === undefined ? undefined : peers.table.resolvePeer(peer.peer);
  const connection = await endpoint.dial(targetOf(alias, live.current, peers.table), {
    alpn: 'alknet/call',
    ...(peer.transport === 'iroh' ? {} : { transport: peer.transport }),
    presentIdentity: peer.presentIdentity,
    ...(identity === undefined ? {} : { identity }),
    signal,
  });
  const { server } = registry.gateway(connection.auth);
  const session = createSession(connection, { serve: server, limits, log });
  return {
    peer: connection.auth.identity?.id,
    closed: session.closed,
    call: (name, input, options) => session.call(name, input, options),
    subscribe: (name, input, options) => session.subscribe(name, input, options),
    close: () => session.close(),
  };
}

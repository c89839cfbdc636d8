/**
 * The links to the nodes of `peers`, with what they need of this node: who a peer is, its secrets, and a session of the
 * call protocol, which serves the operations of this node to the other one and calls its. `docs/spec/registry.md` 13.1.
 *
 * @module
 */

import type { CallLimits, Log } from '@alknet/sdk';
import { createSession } from '@alknet/sdk/call';
import type { Config, LiveConfig } from '../config/index.ts';
import type { Endpoint } from '../endpoint/index.ts';
import { type LinkSession, PeerLinks } from '../peers/index.ts';
import type { Owner } from '../registry/registration.ts';
import type { Registry } from '../registry/registry.ts';
import type { NodePeers } from './peers.ts';
import type { NodeSecrets } from './secrets.ts';
import { targetOf } from './target.ts';

export interface PeerLinkParts {
  readonly endpoint: Endpoint;
  readonly registry: Registry;
  readonly peers: NodePeers;
  readonly secrets: NodeSecrets;
  /** Of what an alias brings, but for the name. */
  readonly host: Owner;
  readonly limits: Readonly<CallLimits>;
  readonly live: Pick<LiveConfig, 'current'>;
  readonly log: Log;
}

export function peerLinks(parts: PeerLinkParts): PeerLinks {
  const { registry, peers, secrets, host, log } = parts;
  return new PeerLinks({
    registry,
    log,
    owner: (alias) => ({ ...host, name: alias }),
    peerOfPin: (pin) => peers.resolveFingerprint(pin)?.id,
    secret: (name) => {
      try {
        return secrets.value(name);
      } catch (error) {
        log.warn('startup', { message: error instanceof Error ? error.message : String(error) });
        return undefined;
      }
    },
    dial: (alias, peer, signal) => dialPeer(parts, alias, peer, signal),
  });
}

/** @throws DialError */
async function dialPeer(
  { endpoint, registry, peers, limits, live, log }: PeerLinkParts,
  alias: string,
  peer: Config['peers'][string],
  signal: AbortSignal,
): Promise<LinkSession> {
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

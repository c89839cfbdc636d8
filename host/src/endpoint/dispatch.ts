/**
 * Streams that a plugin hands over to another, and what it may say of them. `docs/spec/endpoint.md` 9.
 *
 * @module
 */

import type { Duplex } from 'node:stream';
import {
  type AuthContext,
  type CloseInfo,
  type DispatchAuth,
  type Identity,
  type Log,
  singleStreamCarrier,
} from '@alknet/sdk/streams';
import { dispatchGranted } from './alpn.ts';
import type { AuthContexts } from './auth-contexts.ts';
import { HostConnection } from './host-connection.ts';
import type { LiveConnections } from './live-connections.ts';
import type { AlpnOwner, EndpointSettings, Identities } from './owner.ts';
import type { Refusals } from './refusals.ts';
import type { AlpnRouter } from './router.ts';

export type DispatchErrorCode = 'NO_HANDLER' | 'FORBIDDEN' | 'LIMIT';

export class DispatchError extends Error {
  override readonly name = 'DispatchError';
  readonly code: DispatchErrorCode;

  constructor(code: DispatchErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Dispatched connections that dispatch further. */
const maxDepth = 8;

const label = /^[a-z]{1,16}$/;
const taken = new Set(['quic', 'tls', 'iroh']);

export interface DispatchParts {
  readonly settings: EndpointSettings;
  readonly identities: Identities;
  readonly log: Log;
  readonly router: AlpnRouter;
  readonly live: LiveConnections;
  readonly refusals: Refusals;
  readonly contexts: AuthContexts;
  readonly nextId: () => string;
}

export class Dispatcher {
  private readonly parts: DispatchParts;
  private readonly cutReported = new Set<string>();

  constructor(parts: DispatchParts) {
    this.parts = parts;
  }

  /** On refusal the stream is left as it was. @throws DispatchError */
  dispatch(from: AlpnOwner, alpn: string, stream: Duplex, given: DispatchAuth): Promise<CloseInfo> {
    const { live, contexts, nextId } = this.parts;
    const auth = contexts.give(dispatchedAuth(from, alpn, given, this.claims(from)));
    if (auth.identity !== null && auth.identity !== given.identity) contexts.admit(auth.identity);
    const owner = this.parts.router.owner(alpn);
    if (owner === undefined) throw new DispatchError('NO_HANDLER', `no running plugin owns ALPN ${alpn}`);
    const parent = given.parent === undefined ? null : (live.table.get(given.parent.id) ?? null);
    this.checkLimits(owner, auth, parent);

    const carrier = {
      ...singleStreamCarrier(stream),
      stats: () => ({ streams: 1, buffered: stream.readableLength + stream.writableLength }),
    };
    const { transport, remote } = auth;
    const facts = { id: nextId(), alpn, transport, remote, serverName: null, auth };
    const connection = new HostConnection(carrier, { facts, owner, direction: 'dispatched', parent });
    void given.parent?.closed.then(() => stream.destroy());
    live.begin(connection, owner);
    return connection.closed;
  }

  private claims(from: AlpnOwner): Claims {
    const { identities, contexts, log } = this.parts;
    return {
      isGivenOut: (identity) => identities.isGivenOut(identity) || contexts.admitted(identity),
      cut: (what) => {
        const grant = `plugins.${from.name}.grant.${what}`;
        if (this.cutReported.has(grant)) return;
        this.cutReported.add(grant);
        log.warn('dispatch identity cut', { plugin: from.name, what, grant });
      },
    };
  }

  private checkLimits(owner: AlpnOwner, auth: AuthContext, parent: HostConnection | null): void {
    const { settings, live, refusals } = this.parts;
    if (parent !== null && parent.depth >= maxDepth) {
      throw new DispatchError('LIMIT', `dispatched connections may be ${maxDepth} deep`);
    }
    if (owner.requireIdentity === true && auth.identity === null) {
      throw new DispatchError(
        'FORBIDDEN',
        `${auth.alpn} needs an identity (plugins.${owner.name}.requireIdentity)`,
      );
    }
    const full =
      live.table.ofDirection('dispatched') >= settings.dispatchedConnections
        ? 'limits.dispatchedConnections'
        : live.full(owner, auth.identity);
    if (full === undefined) return;
    refusals.count(full, { transport: auth.transport, alpn: auth.alpn, plugin: owner.name });
    throw new DispatchError('LIMIT', `limit: ${full}`);
  }
}

interface Claims {
  readonly isGivenOut: (identity: Identity) => boolean;
  /** Called with what had to be cut from an asserted identity. */
  readonly cut: (what: string) => void;
}

/**
 * The content of the inner connection's AuthContext.
 *
 * @throws DispatchError `FORBIDDEN`
 */
function dispatchedAuth(owner: AlpnOwner, alpn: string, auth: DispatchAuth, claims: Claims): AuthContext {
  if (!dispatchGranted(owner.grant?.dispatch ?? [], alpn)) {
    throw new DispatchError(
      'FORBIDDEN',
      `plugin ${owner.name} may not dispatch to ${alpn}; plugins.${owner.name}.grant.dispatch would have to name it`,
    );
  }
  const transport = auth.transport ?? 'dispatch';
  if (!label.test(transport) || taken.has(transport)) {
    throw new DispatchError(
      'FORBIDDEN',
      `transport label: expected [a-z]{1,16} other than quic, tls, iroh, got ${JSON.stringify(transport)}`,
    );
  }
  return {
    alpn,
    transport,
    remote: auth.remote ?? null,
    fingerprint: auth.fingerprint ?? null,
    identity: admitted(owner, auth.identity ?? null, claims),
  };
}

function admitted(owner: AlpnOwner, identity: Identity | null, claims: Claims): Identity | null {
  if (identity === null || claims.isGivenOut(identity)) return identity;
  if (!identity.id.startsWith(`${owner.name}:`)) {
    throw new DispatchError(
      'FORBIDDEN',
      `identity ${JSON.stringify(identity.id)} was not given out by the host, and is none of ${owner.name}:…`,
    );
  }
  const scopes = identity.scopes.filter((scope) => owner.grant?.scopes?.includes(scope));
  const resources = cutResources(identity.resources, owner.grant?.resources ?? {});
  if (scopes.length < identity.scopes.length) claims.cut('scopes');
  if (words(resources) < words(identity.resources)) claims.cut('resources');
  return Object.freeze({
    id: identity.id,
    scopes: Object.freeze(scopes),
    resources: Object.freeze(resources),
  });
}

type Resources = Identity['resources'];

function cutResources(asserted: Resources, granted: Resources): Resources {
  const inside = Object.entries(asserted).map(([type, ids]) => {
    const allowed = Object.hasOwn(granted, type) ? (granted[type] ?? []) : [];
    return [type, Object.freeze(ids.filter((id) => allowed.includes(id) || allowed.includes('*')))] as const;
  });
  return Object.fromEntries(inside.filter(([, ids]) => ids.length > 0));
}

function words(resources: Resources): number {
  return Object.values(resources).reduce((sum, ids) => sum + ids.length, 0);
}

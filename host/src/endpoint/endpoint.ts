/**
 * Listeners of every transport, one ALPN router behind them, and what lives. `docs/spec/endpoint.md`.
 *
 * @example
 * const endpoint = new Endpoint({ transports: [quicTransport(), tlsTransport()], identities, settings, log });
 * endpoint.enable(owner);
 * await endpoint.listen([{ transport: 'quic', host: '127.0.0.1', port: 4433 }]);
 *
 * @module
 */

import type { Duplex } from 'node:stream';
import {
  type AuthContext,
  CloseCode,
  type CloseInfo,
  type Connection,
  cutReason,
  type DispatchAuth,
  type Identity,
  type Log,
  type RemoteAddress,
} from '@alknet/sdk/streams';
import { Acceptance } from './acceptance.ts';
import { addressText } from './address.ts';
import { Admission } from './admission.ts';
import { AuthContexts } from './auth-contexts.ts';
import type { ConnectionRow } from './connection-table.ts';
import { type DialTarget, dial } from './dial.ts';
import { DispatchError, Dispatcher } from './dispatch.ts';
import type { DialProxy, Transport, TransportKind } from './engine.ts';
import { HostConnection } from './host-connection.ts';
import { type Bound, bindAll, type ListenSpec } from './listeners.ts';
import { LiveConnections, type Revocation } from './live-connections.ts';
import type { AlpnOwner, EndpointSettings, Identities } from './owner.ts';
import { Refusals } from './refusals.ts';
import { AlpnRouter } from './router.ts';

export interface EndpointOptions {
  readonly transports: readonly Transport[];
  readonly identities: Identities;
  /** Read at each use, so that it follows the configuration. */
  readonly settings: EndpointSettings;
  readonly log: Log;
  /** Milliseconds of a clock that never goes back, for blocked addresses. Default: that of the process. */
  readonly now?: () => number;
}

export interface EndpointDialOptions {
  readonly alpn: string;
  readonly transport?: 'auto' | TransportKind;
  /** Default `tls.handshakeTimeout`. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Show the own certificate to a remote without pins too. */
  readonly presentIdentity?: boolean;
  /** Who a remote without a pin is, once the certificate authorities have said that it is there. */
  readonly identity?: Identity;
  /** TLS over TCP through it, and no other way. */
  readonly proxy?: DialProxy;
  /** The plugin that dials, for the connection table. */
  readonly owner?: AlpnOwner;
}

export interface EndpointStatus {
  readonly draining: boolean;
  readonly listeners: readonly {
    readonly transport: TransportKind;
    readonly address: string;
    readonly alpns: readonly string[];
    readonly dropped: Readonly<Record<string, number>>;
  }[];
  readonly connections: number;
  readonly dispatched: number;
  readonly handshakes: number;
  /** Since start. */
  readonly accepted: number;
  /** By limit or cause, since start. */
  readonly refused: Readonly<Record<string, number>>;
  readonly failedHandshakes: Readonly<Record<string, number>>;
}

export class Endpoint {
  private readonly options: EndpointOptions;
  private readonly router = new AlpnRouter();
  private readonly contexts = new AuthContexts();
  private readonly refusals: Refusals;
  private readonly admission: Admission;
  private readonly live: LiveConnections;
  private readonly acceptance: Acceptance;
  private readonly dispatcher: Dispatcher;
  private readonly nextId: () => string;
  private bound: readonly Bound[] = [];
  private isDraining = false;

  constructor(options: EndpointOptions) {
    this.options = options;
    const { settings, log } = options;
    let made = 0;
    this.nextId = () => `c${(++made).toString(36)}`;
    this.refusals = new Refusals(log);
    this.admission = new Admission(settings, options.now);
    this.live = new LiveConnections({ settings, refusals: this.refusals, log });
    const { router, contexts, refusals, admission, live, nextId } = this;
    const parts = { ...options, router, contexts, refusals, admission, live, nextId };
    this.acceptance = new Acceptance(parts);
    this.dispatcher = new Dispatcher(parts);
  }

  /** All listeners or none. @throws ListenError */
  async listen(specs: readonly ListenSpec[]): Promise<void> {
    const { transports, settings, log } = this.options;
    const bound = await bindAll(specs, { transports, policy: this.acceptance, tuning: settings });
    this.bound = [...this.bound, ...bound];
    for (const { transport, address } of this.addresses)
      log.info('listener up', { transport, address: addressText(address) });
  }

  /** What is bound, with the ports that the system chose. */
  get addresses(): readonly { readonly transport: TransportKind; readonly address: RemoteAddress }[] {
    return this.bound.map(({ listener }) => ({ transport: listener.transport, address: listener.address }));
  }

  /** Routes its ALPNs to a plugin, from the next handshake on. @throws AlpnClaimError, and nothing has changed */
  enable(owner: AlpnOwner): void {
    this.router.exchange(undefined, owner);
  }

  /**
   * Puts a new instance in the place of the old in one step. Resolves when the last connection of the old is over, at
   * most its reload grace later.
   *
   * @throws AlpnClaimError at once, and the old goes on
   */
  replace(previous: AlpnOwner, next: AlpnOwner): Promise<void> {
    this.router.exchange(previous, next);
    return this.live.release(previous, 'plugin reloaded');
  }

  /** Its ALPNs are gone at once; resolves when its last connection is over, at most its reload grace later. */
  disable(owner: AlpnOwner): Promise<void> {
    this.router.exchange(owner, undefined);
    return this.live.release(owner, 'plugin disabled');
  }

  /** The running plugin that owns the ALPN. */
  owner(alpn: string): AlpnOwner | undefined {
    return this.router.owner(alpn);
  }

  /**
   * Hands a byte stream to the plugin that owns `alpn`. Resolves with the end of the inner connection; on refusal the
   * stream is left as it was.
   *
   * @throws DispatchError
   */
  async dispatch(from: AlpnOwner, alpn: string, stream: Duplex, auth: DispatchAuth): Promise<CloseInfo> {
    if (this.isDraining) throw new DispatchError('LIMIT', 'the node is stopping');
    return this.dispatcher.dispatch(from, alpn, stream, auth);
  }

  /** One attempt to reach a remote. The connection is the caller's. @throws DialError */
  async dial(target: DialTarget, options: EndpointDialOptions): Promise<Connection> {
    const { transports, identities, settings } = this.options;
    const rules = { timeoutMs: settings.handshakeTimeout, ...options };
    const carrier = await dial(target, rules, { transports, identities, tuning: settings });
    const { alpn, transport, remote, serverName, peerCertificate } = carrier;
    const fingerprint = peerCertificate && identities.fingerprintOf(peerCertificate);
    // Without a pin the remote is a public endpoint, which has no identity here (`docs/spec/identity.md` 10).
    const pinned = fingerprint !== null && target.pins.includes(fingerprint);
    const known = pinned ? identities.resolveFingerprint(fingerprint) : undefined;
    const identity = known ?? (target.pins.length === 0 ? options.identity : undefined) ?? null;
    const auth = this.contexts.give({ alpn, transport, remote, fingerprint, identity });
    const facts = { id: this.nextId(), alpn, transport, remote, serverName, auth };
    const owner = options.owner ?? null;
    const connection = new HostConnection(carrier, { facts, owner, direction: 'dialled', parent: null });
    this.live.keep(connection);
    return connection;
  }

  /** Whether the host made it; a plugin's own making opens no gateway. */
  isAuthContext(auth: AuthContext): boolean {
    return this.contexts.has(auth);
  }

  /**
   * The AuthContext of one caller on a connection whose requests bring credentials of their own; `undefined` when the
   * host made not both, connection and identity. The same object each time.
   */
  callerOn(connection: Connection, identity: Identity | null): AuthContext | undefined {
    if (!(connection instanceof HostConnection)) return undefined;
    if (identity !== null && !this.options.identities.isGivenOut(identity)) return undefined;
    return this.contexts.ofCaller(connection, identity);
  }

  /** Closes every connection that rests on the peer; how many. */
  revoke(revocation: Revocation): number {
    return this.live.revoke(revocation);
  }

  /** A credential that was presented from there did not resolve. */
  authFailed(remote: RemoteAddress | null): void {
    if (remote !== null) this.admission.authFailed(remote);
  }

  /** Whether credentials from there are not to be looked up. */
  isBlocked(remote: RemoteAddress | null): boolean {
    return remote !== null && this.admission.blocked(remote);
  }

  connections(): ConnectionRow[] {
    return this.live.table.rows();
  }

  /** By the operator's will; `false` when there is none of that id. */
  closeConnection(id: string, reason = 'closed by operator'): boolean {
    const connection = this.live.table.get(id);
    connection?.end(CloseCode.OPERATOR, cutReason(reason));
    return connection !== undefined;
  }

  status(): EndpointStatus {
    const { table } = this.live;
    return {
      draining: this.isDraining,
      listeners: this.bound.map(({ spec, listener }) => ({
        transport: listener.transport,
        address: addressText(listener.address),
        alpns: this.router.offered(listener.transport, spec.alpns, this.options.settings.acme),
        dropped: listener.dropped,
      })),
      connections: this.admission.live.connections + table.ofDirection('dialled'),
      dispatched: table.ofDirection('dispatched'),
      handshakes: this.admission.live.handshakes,
      accepted: this.admission.accepted,
      refused: this.refusals.totals,
      failedHandshakes: { ...this.admission.failures },
    };
  }

  /** The first moment of a drain: nothing new comes in, what lives goes on. */
  drain(): void {
    this.isDraining = true;
    this.acceptance.drain();
    for (const { listener } of this.bound) listener.drain();
  }

  /** Waits at most `milliseconds` for connections to end of themselves, then ends the rest with `SHUTDOWN`. */
  async drained(milliseconds: number): Promise<void> {
    this.drain();
    await this.live.drained(milliseconds);
  }

  /** Closes sockets; whatever still lives is ended. */
  async close(): Promise<void> {
    this.drain();
    this.live.endAll();
    await Promise.all(this.bound.map(({ listener }) => listener.close()));
    await Promise.all(this.options.transports.map((transport) => transport.close()));
    this.bound = [];
  }
}

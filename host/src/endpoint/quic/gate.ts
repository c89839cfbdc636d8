/**
 * What a QUIC listener decides about each datagram before a connection exists: whose it is, what is answered without
 * state, whose address is proven, who is let in, and when one that does not go on is given up. It has no socket, no timer
 * and no clock: datagrams and times come in, verdicts go out, so that a simulated network can drive hours of it in a
 * second. `docs/spec/endpoint.md` 2.4, 5 and 6.2.
 *
 * @module
 */

import { randomBytes } from 'node:crypto';
import type { RemoteAddress } from '@alknet/sdk';
import { parseClientHello } from '../client-hello.ts';
import type { ClientHello, HandshakeFailure, ListenerPolicy, ServerParameters, Slot } from '../engine.ts';
import { RefusalBudget } from './budgets.ts';
import { type Handshake, Handshakes } from './handshakes.ts';
import { HelloAssembly } from './hello-assembly.ts';
import {
  type ConnectionIdKey,
  connectionIdKey,
  connectionIdLength,
  isLongHeader,
  type LongHeader,
  minimumInitialDatagram,
  parseLongHeader,
  quicVersion1,
  shortHeaderDestination,
} from './packet.ts';
import { RetryTokens } from './retry-token.ts';
import { refusal, retry, versionNegotiation } from './stateless.ts';
import { connectionRefused, internalError, noApplicationProtocol } from './transport-error.ts';

export interface GateOptions {
  readonly policy: ListenerPolicy;
  /** ALPNs that the listener keeps; absent: all. */
  readonly filter?: readonly string[];
  readonly local: RemoteAddress;
  /** Milliseconds of the monotonic clock that all later calls use. */
  readonly now: number;
}

/** What to do with a datagram. */
export type Verdict<Live> =
  /** Nothing: counted by its cause. */
  | { readonly do: 'drop' }
  /** Nothing yet: kept, with the others of its ClientHello. */
  | { readonly do: 'wait' }
  /** Send this to where it came from. */
  | { readonly do: 'answer'; readonly datagram: Uint8Array }
  /** It belongs to a connection. */
  | { readonly do: 'deliver'; readonly to: Live }
  /** Make a connection, tell `opened`, and give it the datagrams; or tell `spoiled`. */
  | { readonly do: 'accept'; readonly admitted: Admitted };

/** A client whose address is proven and whose ClientHello is complete. */
export interface Admitted {
  readonly key: ConnectionIdKey;
  readonly remote: RemoteAddress;
  /** Destination id of the client's very first Initial. */
  readonly original: Uint8Array;
  readonly hello: ClientHello;
  readonly parameters: ServerParameters;
  readonly slot: Slot;
  /** All that it has sent with a token, in the order of arrival. */
  readonly datagrams: readonly Buffer[];
  /** Of the last of them. */
  readonly header: LongHeader;
}

/** `Live` is what the listener keeps for a connection. */
export class Gate<Live extends { readonly remote: RemoteAddress }> {
  readonly #options: GateOptions;
  readonly #tokens: RetryTokens;
  readonly #refusals = new RefusalBudget();
  readonly #handshakes = new Handshakes();
  readonly #live = new Map<ConnectionIdKey, Live>();
  readonly #dropped: Record<string, number> = {};
  #draining = false;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#tokens = new RetryTokens(options.now);
  }

  /** Datagrams that cost nothing more, by cause, since the start. */
  get dropped(): Readonly<Record<string, number>> {
    return this.#dropped;
  }

  /** What takes memory now: connections, and ClientHellos that are not complete. */
  get size(): { readonly connections: number; readonly pending: number } {
    return { connections: this.#live.size, pending: this.#handshakes.pending };
  }

  /** Handshakes under way, with and without a connection. */
  get handshakes(): number {
    return this.#handshakes.size;
  }

  connections(): Live[] {
    return [...this.#live.values()];
  }

  drop(cause: string): { readonly do: 'drop' } {
    this.#dropped[cause] = (this.#dropped[cause] ?? 0) + 1;
    return { do: 'drop' };
  }

  /** `now`: milliseconds. `data` is kept when the verdict is `wait` or `accept`. */
  datagram(data: Buffer, remote: RemoteAddress, now: number): Verdict<Live> {
    if (!isLongHeader(data)) {
      const key = shortHeaderDestination(data);
      const live = key && this.#live.get(key);
      return live === undefined ? this.drop('unknown connection') : this.#deliver(live, remote);
    }
    const header = parseLongHeader(data);
    if (header === undefined) return this.drop('malformed');
    if (header.version !== quicVersion1) {
      // A version negotiation packet is never answered by another one.
      if (header.version === 0 || data.length < minimumInitialDatagram) return this.drop('malformed');
      return { do: 'answer', datagram: versionNegotiation(header) };
    }
    const key = connectionIdKey(header.destination);
    const live = this.#live.get(key);
    if (live !== undefined) return this.#deliver(live, remote);
    if (header.type !== 'initial') return this.drop('unknown connection');
    if (data.length < minimumInitialDatagram || header.destination.length < 8) return this.drop('malformed');
    const handshake = this.#handshakes.get(key);
    if (handshake !== undefined) return this.#hello(handshake, header, data, remote);
    if (this.#draining) return this.#refuse(header, now);
    if (header.token.length === 0) return this.#retry(header, remote, now);
    return this.#validated(key, header, data, remote, now);
  }

  #deliver(live: Live, remote: RemoteAddress): Verdict<Live> {
    // Active migration is off: another address is an injection or a rebound NAT, and cannot be proven cheaply.
    return isSame(remote, live.remote) ? { do: 'deliver', to: live } : this.drop('other address');
  }

  // ── without state ──────────────────────────────────────────────────────────────────────────────────────────────

  #retry(header: LongHeader, remote: RemoteAddress, now: number): Verdict<Live> {
    const chosen = randomBytes(connectionIdLength);
    const token = this.#tokens.seal(remote, header.destination, chosen, now);
    return { do: 'answer', datagram: retry(header, chosen, token) };
  }

  #refuse(header: LongHeader, now: number): Verdict<Live> {
    const dropped = this.drop('refused');
    if (!this.#refusals.take(now)) return dropped;
    return { do: 'answer', datagram: refusal(header, connectionRefused) };
  }

  // ── handshake ──────────────────────────────────────────────────────────────────────────────────────────────────

  #validated(
    key: ConnectionIdKey,
    header: LongHeader,
    data: Buffer,
    remote: RemoteAddress,
    now: number,
  ): Verdict<Live> {
    const { policy } = this.#options;
    const limit = policy.handshakeTimeout;
    const original = this.#tokens.open(header.token, remote, header.destination, now, limit);
    if (original === undefined) return this.drop('token');
    const slot = policy.admit('quic', remote);
    if (slot === undefined) return this.#refuse(header, now);
    const assembly = new HelloAssembly(header.destination);
    const deadline = now + limit;
    const handshake = { key, remote, original, assembly, datagrams: [], slot, deadline };
    this.#handshakes.begin(handshake);
    return this.#hello(handshake, header, data, remote);
  }

  #hello(handshake: Handshake, header: LongHeader, data: Buffer, remote: RemoteAddress): Verdict<Live> {
    if (!isSame(remote, handshake.remote)) return this.drop('other address');
    const { key } = handshake;
    handshake.datagrams.push(data);
    const progress = handshake.assembly.add(data);
    if (progress.state === 'incomplete') return { do: 'wait' };
    const hello = progress.state === 'complete' ? readHello(progress.message) : undefined;
    if (hello === undefined) return this.#giveUp(key, 'tls');
    const { policy, local, filter } = this.#options;
    const parameters = policy.parameters('quic', hello, local, filter);
    if (parameters === undefined) return this.#giveUp(key, 'certificate');
    if (!parameters.alpns.some((alpn) => hello.alpns.includes(alpn))) {
      // Not left to quiche: it would accept a client that sends no ALPN extension at all.
      this.failed(key, 'alpn');
      return { do: 'answer', datagram: refusal(header, noApplicationProtocol) };
    }
    return { do: 'accept', admitted: { ...handshake, hello, parameters, header } };
  }

  #giveUp(key: ConnectionIdKey, cause: HandshakeFailure): Verdict<Live> {
    this.failed(key, cause);
    return this.drop('handshake');
  }

  /** The connection has been made: what is addressed to its id from now on is its own. */
  opened({ key }: Admitted, live: Live): void {
    this.#live.set(key, live);
    this.#handshakes.carried(key);
  }

  /** It could not be made, and ours is the fault; the client should not wait for its time-out: send it this. */
  spoiled({ key, header }: Admitted): Uint8Array {
    this.failed(key, 'certificate');
    this.drop('error');
    return refusal(header, internalError);
  }

  /** The handshake is complete; the slot is the connection's own from here on. */
  established(key: ConnectionIdKey): void {
    this.#handshakes.end(key);
  }

  /** The handshake came to nothing; idempotent. */
  failed(key: ConnectionIdKey, cause: HandshakeFailure): void {
    this.#handshakes.end(key)?.slot.release(cause);
  }

  /** The connection is over: its id is nobody's. */
  gone(key: ConnectionIdKey): void {
    this.#live.delete(key);
    this.failed(key, 'transport');
  }

  // ── time, and the end ──────────────────────────────────────────────────────────────────────────────────────────

  /** When to call `expire`; infinite while nothing can expire. Never too late, and now and then too early. */
  get nextExpiry(): number {
    return this.#handshakes.nextExpiry;
  }

  /** Gives up handshakes that took too long; those that have a connection are returned, to be forgotten. */
  expire(now: number): Live[] {
    return this.#giveUpAll(this.#handshakes.late(now), 'timeout');
  }

  /** Lets nobody in any more; those that shake hands are returned, to be refused. */
  drain(): Live[] {
    this.#draining = true;
    return this.#giveUpAll(this.#handshakes.late(Number.POSITIVE_INFINITY), 'draining');
  }

  #giveUpAll(keys: readonly ConnectionIdKey[], cause: HandshakeFailure): Live[] {
    return keys.flatMap((key) => {
      this.failed(key, cause);
      return this.#live.get(key) ?? [];
    });
  }
}

function isSame(a: RemoteAddress, b: RemoteAddress): boolean {
  return a.port === b.port && a.address === b.address;
}

function readHello(message: Uint8Array): ClientHello | undefined {
  try {
    return parseClientHello(message);
  } catch {
    return undefined;
  }
}

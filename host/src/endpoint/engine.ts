/**
 * The narrow interface between the endpoint and what carries its bytes. QUIC, TLS over TCP and the in-memory engine of
 * the tests stand behind it; no type of a transport library is seen beyond it.
 *
 * A transport listens and dials; what it yields is a {@link TransportConnection} whose handshake is complete. Everything
 * that the handshake must know (which certificate, which ALPNs, whether a client certificate is wanted, whether there is
 * room) it asks of {@link ListenerPolicy}, which is the same for every transport.
 *
 * @module
 */

import type {
  CloseInfo,
  OpenStreamOptions,
  ProxyAddress,
  ProxyCredentials,
  RemoteAddress,
  Stream,
} from '@alknet/sdk';

export type TransportKind = 'quic' | 'tls';

/** A certificate to show. `key` is PKCS #8 PEM, `cert` a PEM chain with the leaf first. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** What the ClientHello says. `docs/spec/endpoint.md` 2.4. */
export interface ClientHello {
  readonly serverName: string | null;
  /** Empty when the extension is absent. */
  readonly alpns: readonly string[];
  /** It names the signatures that it takes, and Ed25519 is none of them: a browser. */
  readonly lacksEd25519?: true;
}

/** How to go on after a ClientHello. */
export interface ServerParameters {
  readonly certificate: Certificate;
  /** In order of preference; the first that the client also offers is negotiated. May be empty: then none can be. */
  readonly alpns: readonly string[];
  /** `demand` only on QUIC, `request` only on TLS. */
  readonly clientCertificate: 'none' | 'request' | 'demand';
  /** Whether TLS 1.2 is admitted on TCP where one of the HTTP names is negotiated; else 1.3 alone. */
  readonly tls12ForHttp?: boolean;
}

/** A place in the limits of `docs/spec/endpoint.md` 11, held from the first byte to the end of the connection. */
export interface Slot {
  /** The handshake is over and the connection lives. */
  established(): void;
  /** Gives the place back; idempotent. `cause` is set when the handshake failed. */
  release(cause?: HandshakeFailure): void;
}

export type HandshakeFailure = 'timeout' | 'alpn' | 'certificate' | 'tls' | 'transport' | 'draining';

export interface ListenerPolicy {
  /** One atomic step. `undefined`: refuse (full, blocked, draining); the policy has counted and logged it. */
  admit(transport: TransportKind, remote: RemoteAddress): Slot | undefined;
  /** `undefined`: close without an answer. */
  parameters(
    transport: TransportKind,
    hello: ClientHello,
    local: RemoteAddress,
    filter?: readonly string[],
  ): ServerParameters | undefined;
  /** The handshake is complete. Called in the turn in which it became so. */
  accepted(connection: TransportConnection, slot: Slot): void;
  /** Milliseconds for one handshake, read when one begins. */
  readonly handshakeTimeout: number;
}

/** A connection after its handshake, as a transport gives it. Many streams on QUIC, exactly one on TLS. */
export interface TransportConnection {
  readonly transport: TransportKind;
  readonly multiplexed: boolean;
  readonly alpn: string;
  /** Of the client; `null` when it sent none. */
  readonly serverName: string | null;
  readonly local: RemoteAddress;
  readonly remote: RemoteAddress;
  /** DER of the first certificate that the other side showed and proved; `null` when it showed none. */
  readonly peerCertificate: Uint8Array | null;
  /** Certificates after the first, DER. */
  readonly peerChain: readonly Uint8Array[];
  readonly closed: Promise<CloseInfo>;
  /**
   * Takes the streams that the peer opens, in the order in which they arrive. Set once, in the turn in which the connection was
   * handed over or later; streams that came before wait, unread, under flow control.
   */
  serve(onStream: (stream: Stream) => void): void;
  openStream(options?: OpenStreamOptions): Promise<Stream>;
  /**
   * Ends the connection at once. The first call wins. `by` says whose will it was; on QUIC code and reason go over the
   * wire.
   */
  close(code: number, reason: string, by?: 'local' | 'host'): void;
  /**
   * Resolves, and never rejects, when all that was written has been handed to the network or the connection is over; a
   * `close` after it loses nothing of ours. Absent: `stats().buffered` is looked at instead.
   */
  flushed?(): Promise<void>;
  stats(): TransportStats;
}

export interface TransportStats {
  /** Streams open now, both sides. */
  readonly streams: number;
  /** Bytes received and unread plus written and unsent. */
  readonly buffered: number;
}

export interface ListenOptions {
  /** IP address, or `*` for all addresses of both families. */
  readonly host: string;
  /** 0: the system chooses. */
  readonly port: number;
  readonly policy: ListenerPolicy;
  /** ALPNs that this listener keeps; absent: all. */
  readonly filter?: readonly string[];
  /** TLS only: ALPN of a client that sends no ALPN extension; `null` or absent refuses it before TLS. */
  readonly fallbackAlpn?: string | null;
  readonly tuning: TransportTuning;
}

/** Limits and sizes, read at each use so that they follow the configuration. Times in milliseconds, sizes in bytes. */
export interface TransportTuning {
  readonly idleTimeout: number;
  readonly tlsIdleTimeout: number;
  readonly streamsPerConnection: number;
  readonly bufferedPerConnection: number;
  readonly udpPayload: number;
  readonly loopbackUdpPayload: number;
  readonly keepAlive: boolean;
}

export interface TransportListener {
  readonly transport: TransportKind;
  readonly address: RemoteAddress;
  /** Datagrams or TCP connections dropped before they cost anything, by cause. */
  readonly dropped: Readonly<Record<string, number>>;
  /** Refuses what is new and drops handshakes under way; connections live on. Idempotent. */
  drain(): void;
  /** Drains, destroys what is left, closes the socket. */
  close(): Promise<void>;
}

/** The one way by which a remote is reached, when there is one. */
export interface DialProxy {
  readonly address: ProxyAddress;
  readonly credentials?: ProxyCredentials;
}

export interface DialOptions {
  readonly address: RemoteAddress;
  /** Of TLS alone. The host of `address` may then be a name, which the proxy resolves. */
  readonly proxy?: DialProxy;
  readonly alpn: string;
  /** SNI; `null` sends none. */
  readonly serverName: string | null;
  /** To show when it is asked for; `null`: none. */
  readonly certificate: Certificate | null;
  /**
   * Decides on the chain that the server showed and proved, DER, leaf first; throws to refuse. Called before any
   * application byte is sent.
   */
  readonly verify: (chain: readonly Uint8Array[]) => void;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  readonly tuning: TransportTuning;
}

/** Fails with a DialError (`endpoint/dial-error.ts`). */
export interface Transport {
  readonly kind: TransportKind;
  /** @throws the bind error of the socket (`EADDRINUSE`, `EACCES`, …) */
  listen(options: ListenOptions): Promise<TransportListener>;
  dial(options: DialOptions): Promise<TransportConnection>;
  /** Closes sockets that dialling opened. */
  close(): Promise<void>;
}

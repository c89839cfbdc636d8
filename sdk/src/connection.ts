/**
 * What a plugin is handed for each connection of its ALPN, whatever carried it: QUIC, TLS over TCP, or a stream that
 * another plugin handed over. `docs/spec/endpoint.md` 3 and 4.
 *
 * @module
 */

import type { Duplex, Readable, Writable } from 'node:stream';
import type { CloseInfo } from './errors.ts';
import type { AuthContext, Identity, RemoteAddress } from './identity.ts';

/** A byte stream with back-pressure and half-close. `id` is unique in its connection. */
export type Stream = Duplex & { readonly id: number };

export interface OpenStreamOptions {
  /** Gives up waiting for the peer's stream credit. */
  signal?: AbortSignal;
}

export interface Connection extends AsyncIterable<Stream> {
  /** Unique for the life of the process. */
  readonly id: string;
  readonly alpn: string;
  /** `quic`, `tls`, `iroh`, or the label given to `dispatch`. Informational. */
  readonly transport: string;
  /** `null` when unknown. Never a ground for access. */
  readonly remote: RemoteAddress | null;
  /** SNI of the client. */
  readonly serverName: string | null;
  readonly auth: AuthContext;
  /** Whether `openStream` is possible at all; `false` on a connection made of a single stream. */
  readonly multiplexed: boolean;
  /** Aborted when the connection is over, or the plugin must let go of it. */
  readonly signal: AbortSignal;
  /** Never rejects. */
  readonly closed: Promise<CloseInfo>;
  /** One-way streams of the peer; only with ALPN `h3` on QUIC, else empty. */
  readonly unidirectional: AsyncIterable<Readable>;

  /** The streams that the peer opens, in order. One iterator a connection; a second throws. */
  [Symbol.asyncIterator](): AsyncIterator<Stream, undefined, undefined>;

  /**
   * Opens a stream; it becomes visible to the peer with its first byte or its end.
   * @throws ConnectionError `STREAM_CLOSED` on a single-stream connection, `CONNECTION_CLOSED`, `LIMIT`.
   */
  openStream(options?: OpenStreamOptions): Promise<Stream>;
  openUnidirectional(options?: OpenStreamOptions): Promise<Writable>;

  /** Records, once, an identity that the protocol itself established. @throws on a second call. */
  identify(identity: Identity): void;

  /** Ends the connection at once, unsent data is discarded. Idempotent. `reason` is cut to 256 bytes. */
  close(code?: number, reason?: string): void;
}

/**
 * What a session speaks through, whatever carries it: a framed byte stream, or a WebSocket, whose messages need no frame.
 *
 * @module
 */

import type { CloseInfo } from '../errors.ts';
import type { RemoteAddress } from '../identity.ts';
import type { Envelope } from './envelope.ts';

/** Envelopes in both directions, in order. */
export interface EnvelopeStream {
  /** Requests that came on it and have no answer yet. */
  unanswered: number;
  /** Nothing can be read or written any more. */
  readonly over: boolean;
  readonly readEnded: boolean;
  readonly writeEnded: boolean;
  /** Whether the transport takes more right now. */
  readonly writable: boolean;
  /** Whether an envelope of that text may be sent by our own limit. */
  fits(text: string): boolean;
  /** Queues an envelope; all of a turn leave as one write. */
  write(text: string): void;
  /** Resolves when the transport takes more, or never will. */
  drained(): Promise<void>;
  /** Half-closes after what is queued. */
  end(): void;
  /** Gives up both directions. */
  destroy(streamCode: number, reason: string): void;
  pause(): void;
  resume(): void;
}

export interface EnvelopeStreamEvents {
  /** A stream is there, of either side's making; told before anything comes on it. */
  opened(stream: EnvelopeStream): void;
  /** `size`: bytes of its text. Returns `false` to stop reading; `resume()` hands the same envelope in again first. */
  envelope(stream: EnvelopeStream, envelope: Envelope, size: number): boolean;
  /** The peer will send no more. */
  ended(stream: EnvelopeStream): void;
  /** `reason` is for people, never content, and absent for an ordinary end. */
  closed(stream: EnvelopeStream, reason: string | undefined, cause: Error | undefined): void;
  /** Something that broke the protocol; the stream is being given up. */
  bad(stream: EnvelopeStream, reason: string): void;
}

/** What a session is on; every `Connection` is one. */
export interface SessionConnection {
  readonly id: string;
  readonly transport: string;
  readonly remote: RemoteAddress | null;
  readonly multiplexed: boolean;
  /** Never rejects. */
  readonly closed: Promise<CloseInfo>;
  close(code?: number, reason?: string): void;
}

/** Where a session has its streams from. */
export interface EnvelopeTransport {
  readonly connection: SessionConnection;
  /** Takes the streams of the peer; called once. Resolves when there will be no more. */
  accept(events: EnvelopeStreamEvents): Promise<void>;
  /** Only on a multiplexed connection, after `accept`. `signal` ends the wait for stream credit. */
  open(signal?: AbortSignal): Promise<EnvelopeStream>;
}

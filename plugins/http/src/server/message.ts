/**
 * A request and its answer below the web-standard types: what HTTP/1.1 and HTTP/2 have in common, without the cost of a
 * `Request` and a `Response` where nobody asks for them. `web.ts` makes those for the surfaces that want them.
 *
 * @module
 */

import type { Duplex, Readable } from 'node:stream';

export type HttpVersion = '1.0' | '1.1' | '2';

export interface HttpRequest {
  readonly version: HttpVersion;
  readonly method: string;
  /** Path and query as they came, without scheme and authority. */
  readonly target: string;
  /** Host and port that the client asked for; empty when it named none. */
  readonly authority: string;
  /** `:protocol` of an extended CONNECT (RFC 8441), or `websocket` for such an upgrade of HTTP/1.1. */
  readonly protocol: string | undefined;
  /** Value of a header field by its lower-case name; several are joined as RFC 9110 5.3 says. */
  header(name: string): string | undefined;
  /** How often a field of that name stands in the request. */
  fields(name: string): number;
  /** Name, value, name, value … without pseudo-fields. */
  readonly rawHeaders: readonly string[];
  /** `null`: the request has no body. Once. */
  readonly body: Readable | null;
  /** Sends 100 (Continue) if the client waits for it. */
  continue(): void;
  /** Called once when the client goes before it has the answer; at once if it has gone. */
  onGone(listener: () => void): void;
}

export type HeaderFields = Record<string, string | string[]>;

export type AnswerBody =
  | string
  | Uint8Array
  | ReadableStream<Uint8Array>
  | AsyncIterable<string | Uint8Array>;

export interface Answer {
  readonly status: number;
  /** Names in lower case or as HTTP/1.1 shall write them. */
  readonly headers: HeaderFields;
  /** Not sent to HEAD. Absent: none, and `Content-Length: 0`. */
  readonly body?: AnswerBody | undefined;
  /** Whether the connection ends after it (HTTP/1.1). */
  readonly close?: boolean;
}

/** The bytes of the connection instead of an answer. */
export interface Upgrade {
  /** Sends 101 or 200 with these fields; the bytes of both directions from then on. */
  accept(headers: HeaderFields): Duplex;
}

/** What was sent, for log and metrics. */
export interface Sent {
  readonly status: number;
  /** Of the body. */
  readonly bytes: number;
  /** Whether it was given up because the client did not take it (`http.limits.answerTimeout`). */
  readonly tooSlow?: boolean;
}

/** What a server hands each request to. */
export interface Exchange {
  readonly request: HttpRequest;
  /** Only on requests with `protocol`. */
  readonly upgrade: Upgrade | undefined;
  /**
   * Called once, when the last byte has been handed to the transport or the client has gone. The application sets it: a
   * table from exchange to what it knows of it would cost the garbage collector more than the request.
   */
  onSent: ((sent: Sent) => void) | undefined;
}

/** Gives the answer; `undefined` after an upgrade. It never rejects. */
export interface Application {
  serve(exchange: Exchange): Promise<Answer | undefined> | Answer | undefined;
  /** A client did not take the rest of an answer that `onSent` has told of already. */
  tooSlow(): void;
}

/**
 * A request as it came in, and what is known of its serving. `docs/spec/call.md` 4.
 *
 * @module
 */

import type { CallerConnection } from '../context.ts';
import type { CallError } from '../errors.ts';
import type { ForwardedFor } from '../identity.ts';
import { AbortLatch } from '../latch.ts';
import { fits } from '../text.ts';
import type { Deadline } from './deadlines.ts';
import { toForwardedFor } from './envelope.ts';
import type { EnvelopeStream } from './envelope-stream.ts';
import type { IncomingCall } from './server.ts';
import { performance } from './time.ts';

const maxTokenBytes = 4096;

/** One request from its frame to its end. */
export class Request implements IncomingCall {
  readonly id: string;
  readonly name: string;
  readonly input: unknown;
  readonly authToken: string | undefined;
  readonly forwardedFor: ForwardedFor | null;
  readonly timeoutMs: unknown;
  readonly window: unknown;
  readonly hops: number;
  readonly receivedAt = performance.now();
  readonly connection: CallerConnection;
  readonly stream: EnvelopeStream;
  /** The terminal frame has been sent, or nobody is there to get one. */
  answered = false;
  /** Values that may still be sent; `Infinity` without a window. */
  credit = Number.POSITIVE_INFINITY;
  creditCame: (() => void) | undefined;
  values: AsyncIterator<unknown, void, undefined> | undefined;
  /** Its handler runs: it holds a slot, and its id. */
  running = false;
  /** Until a handler that goes on after its answer is waited for no longer. */
  grace: Deadline | undefined;
  readonly #end = new AbortLatch<CallError>();

  constructor(
    id: string,
    payload: Record<string, unknown>,
    stream: EnvelopeStream,
    connection: CallerConnection,
  ) {
    const { operationId, input, auth_token: token, hops } = payload;
    this.id = id;
    const name = typeof operationId === 'string' && fits(operationId, 255) ? operationId : '';
    this.name = name.startsWith('/') ? name.slice(1) : name;
    this.input = input === undefined ? null : input;
    this.authToken = typeof token === 'string' && fits(token, maxTokenBytes) ? token : undefined;
    this.forwardedFor =
      payload['forwarded_for'] === undefined ? null : toForwardedFor(payload['forwarded_for']);
    this.timeoutMs = payload['timeout_ms'];
    this.window = payload['window'];
    this.hops = typeof hops === 'number' && Number.isInteger(hops) && hops >= 0 && hops <= 255 ? hops : 0;
    this.stream = stream;
    this.connection = connection;
  }

  get subscribes(): boolean {
    return this.window !== undefined;
  }

  get signal(): AbortSignal {
    return this.#end.signal;
  }

  onAbort(listener: (reason: CallError) => void): void {
    this.#end.on(listener);
  }

  abort(reason: CallError): void {
    if (this.#end.reason !== undefined) return;
    this.#end.trip(reason);
    this.creditCame?.();
  }
}

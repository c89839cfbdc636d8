/**
 * The requests that a session serves: slots, answers, aborts. `docs/spec/call.md` 6 to 8 and 11.
 *
 * @module
 */

import type { CallerConnection } from '../context.ts';
import { CallError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { CallLimits } from '../plugin.ts';
import { byteLength } from '../text.ts';
import { ById } from './by-id.ts';
import { type Deadline, deadline } from './deadlines.ts';
import { envelopeText, errorText, isObject, valueText } from './envelope.ts';
import type { EnvelopeStream } from './envelope-stream.ts';
import { Request } from './incoming-request.ts';
import { abortGrace, maxWindow } from './limits.ts';
import type { Answer, Server } from './server.ts';
import { performance } from './time.ts';

export interface IncomingOptions {
  readonly server: Server | undefined;
  readonly limits: Readonly<CallLimits>;
  readonly connection: CallerConnection;
  readonly log: Log;
  /** Something of a stream, or of the whole session, is finished. */
  readonly settled: (stream: EnvelopeStream) => void;
}

export class IncomingCalls {
  readonly #options: IncomingOptions;
  /** By id: answered or not, until the handler has settled. */
  readonly #requests = new ById<Request>();
  /** Waiting for a slot, in order. */
  readonly #held = new Map<Request, Deadline | undefined>();
  readonly #stopped = new Set<EnvelopeStream>();
  #running = 0;
  #subscriptions = 0;
  #unsettled = 0;

  constructor(options: IncomingOptions) {
    this.#options = options;
  }

  get serving(): number {
    return this.#running + this.#held.size;
  }

  get subscriptions(): number {
    return this.#subscriptions;
  }

  /** Whether nothing is served and no handler is left running. */
  get idle(): boolean {
    return this.#unsettled === 0 && this.#held.size === 0;
  }

  has(id: string): boolean {
    return this.#requests.has(id);
  }

  /** Unanswered requests that came on a stream. */
  open(stream: EnvelopeStream): number {
    return stream.unanswered;
  }

  /** Takes a request; `false`: no room even to hold it, stop reading that stream. */
  request(stream: EnvelopeStream, id: string, payload: unknown): boolean {
    const request = new Request(id, isObject(payload) ? payload : {}, stream, this.#options.connection);
    if (this.#requests.has(id)) {
      this.#write(request, 'call.error', errorText(new CallError('INVALID_INPUT', 'duplicate request id')));
      return true;
    }
    const { limits } = this.#options;
    if (!request.subscribes && this.#running >= limits.callsPerConnection) {
      if (this.#held.size >= limits.callsPerConnection) {
        this.#stopped.add(stream);
        return false;
      }
      this.#enter(request);
      this.#hold(request);
      return true;
    }
    this.#enter(request);
    if (request.subscribes && this.#subscriptions >= limits.subscriptionsPerConnection) {
      this.#refuse(request, new CallError('INTERNAL', 'too many subscriptions'));
      return true;
    }
    this.#start(request);
    return true;
  }

  #enter(request: Request): void {
    this.#requests.add(request);
    request.stream.unanswered++;
  }

  #hold(request: Request): void {
    const timeout = this.#options.server?.timeout(request.name, request.timeoutMs);
    const timer =
      timeout === undefined
        ? undefined
        : deadline(request.receivedAt + timeout, () => {
            if (!this.#held.delete(request)) return;
            this.#refuse(request, new CallError('TIMEOUT', 'request timed out'));
            this.#next();
          });
    this.#held.set(request, timer);
  }

  #next(): void {
    for (const [request, timer] of this.#held) {
      if (this.#running >= this.#options.limits.callsPerConnection) return;
      this.#held.delete(request);
      timer?.cancel();
      this.#start(request);
    }
    if (this.#stopped.size === 0 || this.#held.size >= this.#options.limits.callsPerConnection) return;
    const stopped = [...this.#stopped];
    this.#stopped.clear();
    for (const stream of stopped) stream.resume();
  }

  #start(request: Request): void {
    const { server } = this.#options;
    if (server === undefined) {
      this.#refuse(request, new CallError('NOT_FOUND', `operation not found: ${request.name}`));
      return;
    }
    let answer: Answer;
    try {
      answer = server.serve(request);
    } catch (error) {
      this.#refuse(request, asCallError(error));
      return;
    }
    this.#unsettled++;
    if (request.subscribes) this.#subscriptions++;
    else this.#running++;
    request.running = true;
    void answer.settled.then(() => this.#finished(request));
    if (answer.kind === 'value') {
      answer.output.then(
        (output) => this.#respond(request, output, true),
        (error: unknown) => this.#fail(request, error),
      );
    } else {
      this.#stream(request, answer.values).catch((error: unknown) => this.#fail(request, error));
    }
  }

  /** The handler has settled, or is not waited for any longer. */
  #finished(request: Request): void {
    if (!request.running) return;
    request.running = false;
    request.grace?.cancel();
    this.#unsettled--;
    if (request.subscribes) this.#subscriptions--;
    else this.#running--;
    this.#requests.delete(request);
    this.#next();
    this.#options.settled(request.stream);
  }

  /** Its answer is out: a handler that ignores its signal does not keep slot and id for ever (`docs/spec/call.md` 8). */
  #giveGrace(request: Request): void {
    if (request.running)
      request.grace ??= deadline(performance.now() + abortGrace, () => this.#finished(request));
  }

  async #stream(request: Request, values: AsyncIterator<unknown, void, undefined>): Promise<void> {
    request.values = values;
    const { window } = request;
    if (typeof window === 'number' && window > 0) request.credit = window;
    for (;;) {
      // One value at the most waits: the generator is not asked before there is room for its value.
      if (!request.stream.writable) await request.stream.drained();
      while (request.credit === 0 && !request.answered) {
        await new Promise<void>((resolve) => {
          request.creditCame = resolve;
        });
      }
      if (request.answered) return;
      const next = await values.next();
      if (request.answered) return;
      if (next.done === true) {
        this.#finish(request, 'call.completed', '{}');
        return;
      }
      if (!this.#respond(request, next.value, false)) return;
      request.credit--;
    }
  }

  /** `false` when the output could not be sent and the request has failed. */
  #respond(request: Request, output: unknown, last: boolean): boolean {
    if (request.answered) return false;
    let payload: string;
    try {
      payload = `{"output":${valueText(output)}}`;
    } catch (error) {
      this.#unsendable(request, error instanceof RangeError ? 'output too deep' : 'output is not JSON');
      return false;
    }
    const text = envelopeText('call.responded', request.id, payload);
    if (!request.stream.fits(text)) {
      const size = byteLength(text);
      this.#unsendable(request, `output too large: ${size} bytes, limit ${this.#options.limits.frame}`);
      return false;
    }
    if (last) this.#leave(request);
    request.stream.write(text);
    if (last) this.#options.settled(request.stream);
    return true;
  }

  #unsendable(request: Request, message: string): void {
    void request.values?.return?.().catch(() => {});
    this.#fail(request, new CallError('INTERNAL', message));
  }

  #fail(request: Request, error: unknown): void {
    if (request.answered) return;
    // Given up here (reload, revocation, shutdown): the caller is told so, and `ABORTED` is never an error on the wire.
    if (error instanceof CallError && error.code === 'ABORTED') this.#finish(request, 'call.aborted', '{}');
    else this.#finish(request, 'call.error', errorText(asCallError(error)));
    this.#giveGrace(request);
  }

  /** A refusal before the handler ran. */
  #refuse(request: Request, error: CallError): void {
    this.#requests.delete(request);
    this.#finish(request, 'call.error', errorText(error));
  }

  #finish(request: Request, type: 'call.error' | 'call.completed' | 'call.aborted', payload: string): void {
    this.#leave(request);
    this.#write(request, type, payload);
    this.#options.settled(request.stream);
  }

  #leave(request: Request): void {
    if (request.answered) return;
    request.answered = true;
    request.stream.unanswered--;
  }

  #write(request: Request, type: 'call.error' | 'call.completed' | 'call.aborted', payload: string): void {
    request.stream.write(envelopeText(type, request.id, payload));
  }

  /** `call.aborted` from the caller; `false` when no such request is being served. */
  aborted(id: string): boolean {
    const request = this.#requests.get(id);
    if (request === undefined) return false;
    if (!request.answered) this.#abort(request, new CallError('ABORTED', 'aborted'), true);
    return true;
  }

  #abort(request: Request, reason: CallError, answer: boolean): void {
    const timer = this.#held.get(request);
    const wasHeld = this.#held.delete(request);
    if (wasHeld) {
      timer?.cancel();
      this.#requests.delete(request);
    }
    if (answer) this.#finish(request, 'call.aborted', '{}');
    else this.#leave(request);
    request.abort(reason);
    void request.values?.return?.().catch(() => {});
    if (wasHeld) this.#next();
    else this.#giveGrace(request);
  }

  /** More credit for a subscription; anything malformed or unknown is ignored. */
  window(id: string, payload: unknown): void {
    const request = this.#requests.get(id);
    const credit = isObject(payload) ? payload['credit'] : undefined;
    if (request === undefined || typeof credit !== 'number' || !Number.isInteger(credit)) return;
    if (credit < 1 || credit > maxWindow) return;
    request.credit = Math.min(request.credit + credit, Number.MAX_SAFE_INTEGER);
    const came = request.creditCame;
    request.creditCame = undefined;
    came?.();
  }

  /** The stream is lost: what came on it is aborted, and nobody is there to be told. */
  lost(stream: EnvelopeStream, reason: string): void {
    this.#stopped.delete(stream);
    if (stream.unanswered > 0) {
      for (const request of this.#requests.values()) {
        if (request.stream === stream && !request.answered)
          this.#abort(request, new CallError('ABORTED', reason), false);
      }
    }
    this.#next();
  }

  /** Gives up everything; `tell` while the connection still carries frames. */
  abortAll(reason: CallError, tell: boolean): void {
    for (const request of this.#requests.values()) {
      if (!request.answered) this.#abort(request, reason, tell);
    }
  }
}

/** A Server rejects with CallErrors alone; anything else is a defect of it and tells nothing to the peer. */
function asCallError(error: unknown): CallError {
  if (error instanceof CallError && error.code !== 'ABORTED') return error;
  return new CallError('INTERNAL', 'internal error');
}

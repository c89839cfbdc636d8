/**
 * The handler of an imported operation: a call becomes a request, its answer a value, values, or a CallError.
 * `docs/spec/http.md` 17.4.
 *
 * @module
 */

import { performance } from 'node:perf_hooks';
import type { Readable } from 'node:stream';
import { type AnyOperation, CallError, type OperationContext, type OperationType } from '@alknet/sdk';
import type { HttpClient } from './client.ts';
import type { RequestPlan } from './plan.ts';
import type { BaseUrl } from './request/base-url.ts';
import { buildRequest } from './request/build.ts';
import { type AuthConfig, type Credential, credentialOf, redact } from './request/credential.ts';
import { EventStreamParser } from './response/event-stream.ts';
import type { RetryAfterTable } from './response/retry.ts';
import { bodyValue, type DeclaredCodes, statusError } from './response/value.ts';
import { type Answer, bodyOf, receive, type Sending, send } from './send.ts';

/** What all requests of an adapter have in common. */
export interface Remote {
  readonly namespace: string;
  readonly base: BaseUrl;
  readonly headers: readonly (readonly [string, string])[];
  readonly auth: AuthConfig;
  /** Milliseconds, `undefined` for none. */
  readonly timeout: number | undefined;
  readonly retries: number;
  /** Bytes. */
  readonly maxResponse: number;
  readonly client: Pick<HttpClient, 'dispatcher'>;
  readonly retryAfter: RetryAfterTable;
  readonly counted: (status: number | undefined) => void;
}

export function forwardingHandler(
  remote: Remote,
  type: OperationType,
  plan: RequestPlan,
  declared: DeclaredCodes,
): AnyOperation['handler'] {
  if (type !== 'subscription')
    return (input: unknown, context) => new Forwarding(remote, plan, declared, context).value(input);
  return async function* (input: unknown, context: OperationContext) {
    yield* new Forwarding(remote, plan, declared, context).values(input);
  };
}

class Forwarding {
  readonly #remote: Remote;
  readonly #plan: RequestPlan;
  readonly #declared: DeclaredCodes;
  readonly #context: OperationContext;
  readonly #stop = new AbortController();
  #credential: Credential | undefined;
  #timedOut = false;

  constructor(remote: Remote, plan: RequestPlan, declared: DeclaredCodes, context: OperationContext) {
    this.#remote = remote;
    this.#declared = declared;
    this.#plan = plan;
    this.#context = context;
  }

  async value(input: unknown): Promise<unknown> {
    return this.#guarded(async () => {
      const answer = await this.#send(input);
      const received = await receive(answer, this.#remote.maxResponse, this.#remote.base.origin);
      if (answer.statusCode < 200 || answer.statusCode > 299)
        throw statusError(received, answer.statusText, this.#declared);
      return bodyValue(received);
    });
  }

  async *values(input: unknown): AsyncGenerator<unknown, void, undefined> {
    let body: Readable | undefined;
    let ended = false;
    try {
      body = bodyOf(await this.#guarded(() => this.#begin(input)));
      const parser = new EventStreamParser();
      const bytes = (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
      for (;;) {
        const values = await this.#guarded(() => this.#next(bytes, parser));
        if (values === undefined) break;
        yield* values;
      }
      ended = true;
    } finally {
      if (!ended) this.#stop.abort(new CallError('ABORTED', 'aborted'));
      body?.on('error', () => {});
      body?.destroy();
    }
  }

  async #begin(input: unknown): Promise<Answer> {
    const answer = await this.#send(input);
    if (answer.statusCode >= 200 && answer.statusCode <= 299) return answer;
    const received = await receive(answer, this.#remote.maxResponse, this.#remote.base.origin);
    throw statusError(received, answer.statusText, this.#declared);
  }

  /** `undefined` at the end of the body, which is that of the values. */
  async #next(bytes: AsyncIterator<Uint8Array>, parser: EventStreamParser): Promise<unknown[] | undefined> {
    let next: IteratorResult<Uint8Array, unknown>;
    try {
      next = await bytes.next();
    } catch (error) {
      throw new CallError('INTERNAL', `${this.#remote.base.origin} ended the stream early`, { cause: error });
    }
    return next.done === true ? undefined : parser.push(next.value);
  }

  #send(input: unknown): Promise<Answer> {
    const { namespace, base, headers, auth, timeout, retries, client, retryAfter, counted } = this.#remote;
    const { capabilities, deadline, signal } = this.#context;
    this.#credential = credentialOf(auth, capabilities, namespace);
    const built = buildRequest(this.#plan, input, { base, headers, credential: this.#credential });
    const untilDeadline = deadline === undefined ? Number.POSITIVE_INFINITY : deadline - performance.now();
    const limit = timeout === undefined ? Number.POSITIVE_INFINITY : timeout;
    const sending: Sending = {
      dispatcher: () => client.dispatcher,
      retryAfter,
      retries,
      secret: this.#credential !== undefined,
      signal: this.#linked(signal, timeout),
      until: Date.now() + Math.min(untilDeadline, limit),
      counted,
    };
    return send(built, sending);
  }

  /** Ends with the call; for a subscription the limit is that of its beginning. */
  #linked(signal: AbortSignal, timeout: number | undefined): AbortSignal {
    const stop = () => this.#stop.abort(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    if (timeout !== undefined) {
      const late = () => {
        this.#timedOut = true;
        this.#stop.abort(new CallError('TIMEOUT', `no answer within ${timeout} ms`));
      };
      const timer = setTimeout(late, timeout);
      this.#begun = () => clearTimeout(timer);
    }
    return this.#stop.signal;
  }

  #begun: () => void = () => {};

  /** No error leaves with a credential in it. */
  async #guarded<Value>(work: () => Promise<Value>): Promise<Value> {
    try {
      return await work();
    } catch (error) {
      const { signal } = this.#context;
      if (signal.aborted) throw signal.reason;
      throw this.#told(this.#timedOut ? this.#stop.signal.reason : error);
    } finally {
      this.#begun();
    }
  }

  #told(error: unknown): CallError {
    const { namespace } = this.#remote;
    if (!(error instanceof CallError)) {
      const name = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      this.#context.log.error('adapter failed', { namespace, error: redact(name, this.#credential) });
      return new CallError('INTERNAL', `${namespace}: the request failed`);
    }
    const { code, message, details, retryable } = error;
    return new CallError(code, redact(message, this.#credential), {
      retryable,
      ...(details === undefined ? {} : { details: redact(details, this.#credential) }),
    });
  }
}

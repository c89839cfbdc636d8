/**
 * A subscription as server-sent events (WHATWG HTML 9.2). `docs/spec/http.md` 10.
 *
 * @module
 */

import { CallError } from '@alknet/sdk';
import { errorBody } from '../answers.ts';
import type { RequestContext } from '../request-context.ts';
import type { Answer } from '../server/message.ts';
import type { StreamGauge } from '../surface.ts';

/** Milliseconds after which an answer is committed although no value has come. */
const commitAfter = 1000;

type Values = AsyncIterator<unknown, void, undefined>;

/**
 * The answer to a subscription whose checks have passed.
 * @throws CallError what the handler fails with before the answer is committed
 */
export async function eventStream(
  scope: RequestContext,
  values: Values,
  requestId: string,
  gauge: StreamGauge,
): Promise<Answer> {
  // Also what comes after the commit is this promise's; nobody may find it rejected and unheard.
  const first = values.next();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, commitAfter);
  });
  try {
    await Promise.race([first, late]);
  } finally {
    clearTimeout(timer);
  }
  return {
    status: 200,
    headers: {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store',
      'X-Accel-Buffering': 'no',
      'X-Request-Id': requestId,
    },
    body: new Events(scope, values, first, gauge),
  };
}

class Events implements AsyncIterable<string>, AsyncIterator<string, undefined> {
  readonly #scope: RequestContext;
  readonly #values: Values;
  readonly #heartbeat: number;
  readonly #gauge: StreamGauge;
  #pending: Promise<IteratorResult<unknown, void>> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #beat: (() => void) | undefined;
  #over = false;

  constructor(
    scope: RequestContext,
    values: Values,
    first: Promise<IteratorResult<unknown, void>>,
    gauge: StreamGauge,
  ) {
    this.#scope = scope;
    this.#values = values;
    this.#heartbeat = scope.config.sse.heartbeat;
    this.#pending = first;
    this.#gauge = gauge;
    first.catch(() => {});
    gauge.add();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<string, undefined>> {
    if (this.#over) return { done: true, value: undefined };
    this.#pending ??= this.#values.next();
    try {
      const result = await this.#soon(this.#pending);
      if (result === undefined) return { done: false, value: ':\n\n' };
      this.#pending = undefined;
      if (result.done === true) {
        this.#end();
        return { done: true, value: undefined };
      }
      return { done: false, value: `data: ${JSON.stringify(result.value ?? null)}\n\n` };
    } catch (error) {
      this.#end();
      return {
        done: false,
        value: `event: error\ndata: ${JSON.stringify(errorBody(this.#told(error)))}\n\n`,
      };
    }
  }

  /** The client has gone, and with it the call. */
  return(): Promise<IteratorResult<string, undefined>> {
    if (!this.#over) {
      this.#end();
      void this.#values.return?.();
    }
    return Promise.resolve({ done: true, value: undefined });
  }

  /** The result, or nothing when the heartbeat is due first. One timer serves the whole stream. */
  #soon(pending: Promise<IteratorResult<unknown, void>>): Promise<IteratorResult<unknown, void> | undefined> {
    return new Promise((resolve, reject) => {
      this.#beat = () => resolve(undefined);
      if (this.#timer === undefined) {
        this.#timer = setInterval(() => this.#beat?.(), this.#heartbeat);
        this.#timer.unref();
      } else this.#timer.refresh();
      pending.then(resolve, reject);
    });
  }

  #told(error: unknown): CallError {
    const failure = error instanceof CallError ? error : new CallError('INTERNAL', 'internal error');
    if (failure.code !== 'ABORTED') return failure;
    return this.#scope.connection.signal.aborted
      ? new CallError('INTERNAL', 'shutting down')
      : new CallError('INTERNAL', 'aborted');
  }

  #end(): void {
    this.#over = true;
    clearInterval(this.#timer);
    this.#gauge.remove();
  }
}

/**
 * Calls to a {@link Server} from the same process, treated as if they had come over a wire. Input travels by value.
 *
 * @module
 */

import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { IncomingCall, Server } from './call/server.ts';
import { CallError } from './errors.ts';
import type { GatewayCallOptions } from './plugin.ts';

const never = new AbortController().signal;

/** The output, or the first value of a subscription. @throws CallError */
export async function callServer(
  server: Server,
  name: string,
  input?: unknown,
  options: GatewayCallOptions = {},
): Promise<unknown> {
  const { call, over } = incoming(name, input, options, undefined);
  try {
    const answer = server.serve(call);
    if (answer.kind === 'value') return await answer.output;
    try {
      const first = await answer.values.next();
      if (first.done !== true) return first.value;
    } finally {
      void answer.values.return?.();
    }
    throw new CallError('INVALID_OPERATION_TYPE', 'the subscription completed without a value');
  } finally {
    over();
  }
}

/** The values of a subscription, each made when it is asked for. @throws CallError, from the iterator */
export async function* subscribeServer(
  server: Server,
  name: string,
  input?: unknown,
  options: GatewayCallOptions = {},
): AsyncGenerator<unknown, void, undefined> {
  const { call, over } = incoming(name, input, options, 0);
  try {
    const answer = server.serve(call);
    if (answer.kind === 'value')
      throw new CallError('INVALID_OPERATION_TYPE', `${call.name} is not a subscription`);
    try {
      for (;;) {
        const next = await answer.values.next();
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      void answer.values.return?.();
    }
  } finally {
    over();
  }
}

/** `over` takes the call off its signal, which may live longer. */
function incoming(
  name: string,
  input: unknown,
  options: GatewayCallOptions,
  window: number | undefined,
): { readonly call: IncomingCall; over(): void } {
  const { signal = never } = options;
  let abort: (() => void) | undefined;
  const call: IncomingCall = {
    id: options.requestId ?? randomUUID(),
    name: name.startsWith('/') ? name.slice(1) : name,
    input: input === undefined ? null : structuredClone(input),
    authToken: options.authToken,
    forwardedFor: options.forwardedFor ?? null,
    timeoutMs: options.timeoutMs,
    window,
    hops: options.hops ?? 0,
    receivedAt: performance.now(),
    signal,
    onAbort: (listener) => {
      if (signal === never) return;
      abort = () => {
        const { reason } = signal;
        listener(
          reason instanceof CallError ? reason : new CallError('ABORTED', 'aborted', { cause: reason }),
        );
      };
      if (signal.aborted) abort();
      else signal.addEventListener('abort', abort, { once: true });
    },
    connection: null,
  };
  return {
    call,
    over: () => {
      if (abort !== undefined) signal.removeEventListener('abort', abort);
    },
  };
}

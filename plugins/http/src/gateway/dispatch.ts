/**
 * The one way from HTTP into the registry. `docs/spec/http.md` 6.
 *
 * @module
 */

import { type Answer as CallAnswer, CallError, type IncomingCall } from '@alknet/sdk';
import type { RequestContext } from '../request-context.ts';

/** One call of a request. `requestId` is that of the answer. */
export interface Call {
  readonly name: string;
  /** `undefined` is `{}`. */
  readonly input: unknown;
  readonly requestId: string;
  /** Whether values of a subscription are wanted. */
  readonly subscribe: boolean;
  /** `performance.now()` milliseconds from which its deadline counts. */
  readonly receivedAt: number;
}

/** One leading slash is no part of a name. */
export function operationName(text: string): string {
  return text.startsWith('/') ? text.slice(1) : text;
}

/** A call of a request, as the registry takes it: it ends with the request. */
class RequestCall implements IncomingCall {
  readonly id: string;
  readonly name: string;
  readonly input: unknown;
  // A call ends with its token, also when the peer has other credentials (`docs/spec/identity.md` 6).
  readonly authToken: string | undefined;
  readonly forwardedFor = null;
  readonly timeoutMs = undefined;
  readonly window: number | undefined;
  readonly hops = 0;
  readonly receivedAt: number;
  readonly connection = null;
  readonly #scope: RequestContext;

  constructor(scope: RequestContext, { name, input, requestId, subscribe, receivedAt }: Call) {
    this.#scope = scope;
    this.id = requestId;
    this.name = operationName(name);
    this.input = input === undefined ? {} : input;
    this.authToken = scope.token;
    this.window = subscribe ? 0 : undefined;
    this.receivedAt = receivedAt;
  }

  get signal(): AbortSignal {
    return this.#scope.signal;
  }

  onAbort(listener: (reason: CallError) => void): void {
    this.#scope.onAbort(listener);
  }
}

/**
 * Begins it; refusals are thrown. The call ends with its client, its deadline, or the node.
 * @throws CallError that may be sent as it is
 */
export function begin(scope: RequestContext, call: Call): CallAnswer {
  return scope.gateway.server.serve(new RequestCall(scope, call));
}

/** The output of a query or mutation. @throws CallError */
export function call(
  scope: RequestContext,
  name: string,
  input: unknown,
  { requestId, arrivedAt }: { readonly requestId: string; readonly arrivedAt: number } = scope,
): Promise<unknown> {
  const answer = begin(scope, { name, input, requestId, subscribe: false, receivedAt: arrivedAt });
  if (answer.kind === 'value') return answer.output;
  void answer.values.return?.();
  throw new CallError('INVALID_OPERATION_TYPE', `${operationName(name)} is a subscription`);
}

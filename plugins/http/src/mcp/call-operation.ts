/**
 * Operations as the caller of a request of MCP.
 *
 * @module
 */

import { CallError, type Gateway, type GatewayCallOptions } from '@alknet/sdk';

export interface CallParts {
  readonly gateway: Gateway;
  /** Aborted when the client leaves or cancels. */
  readonly signal: AbortSignal;
  /** A call ends with its token, also when the peer has other credentials (`docs/spec/identity.md` 6). */
  readonly authToken: string | undefined;
  /** A new UUID when absent. */
  readonly requestId: string | undefined;
}

export function callOptions({ signal, authToken, requestId }: CallParts): GatewayCallOptions {
  return {
    signal,
    ...(authToken === undefined ? {} : { authToken }),
    ...(requestId === undefined ? {} : { requestId }),
  };
}

/** The output of a query or mutation. @throws CallError; a subscription is `INVALID_OPERATION_TYPE` */
export function callOperation(name: string, input: unknown, parts: CallParts): Promise<unknown> {
  const { gateway } = parts;
  if (gateway.schema(name)?.type === 'subscription')
    throw new CallError('INVALID_OPERATION_TYPE', `${name} is a subscription`);
  // An absent input is `{}` on every surface of HTTP.
  return gateway.call(name, input === undefined ? {} : input, callOptions(parts));
}

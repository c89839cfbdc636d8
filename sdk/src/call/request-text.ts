/**
 * What a caller may ask of one call, and the text in which it travels. `docs/spec/call.md` 4 and 13. Pure.
 *
 * @module
 */

import type { ForwardedFor } from '../identity.ts';

export interface CallOptions {
  signal?: AbortSignal;
  /** Milliseconds for the whole call, sent to the other side as well. */
  timeoutMs?: number;
  /** A bearer token whose identity replaces that of the connection, for this call alone. */
  authToken?: string;
  forwardedFor?: ForwardedFor;
  /** Nodes that have forwarded this request already. */
  hops?: number;
}

/** What the session knows of an operation from its specification. */
export interface KnownOperation {
  readonly timeoutMs?: number;
  readonly errorCodes?: ReadonlySet<string>;
}

/** Payload of `call.requested`; `window` is there for subscriptions alone. */
export function requestPayload(
  name: string,
  input: string,
  options: CallOptions,
  window: number | undefined,
): string {
  const operationId = JSON.stringify(name.startsWith('/') ? name : `/${name}`);
  let text = `{"operationId":${operationId},"input":${input}`;
  if (options.authToken !== undefined) text += `,"auth_token":${JSON.stringify(options.authToken)}`;
  if (options.forwardedFor !== undefined) {
    const { id, displayName } = options.forwardedFor;
    text += `,"forwarded_for":${JSON.stringify({ id, display_name: displayName, scopes: [], resources: {} })}`;
  }
  if (options.timeoutMs !== undefined) text += `,"timeout_ms":${options.timeoutMs}`;
  if (window !== undefined) text += `,"window":${window}`;
  if (options.hops !== undefined && options.hops > 0) text += `,"hops":${options.hops}`;
  return `${text}}`;
}

/**
 * What goes wrong with an MCP server, as errors of adapter and call. `docs/spec/http.md` 20.
 *
 * @module
 */

import { AdapterError, CallError } from '@alknet/sdk';
import type { ClientSdk } from './client-sdk.ts';
import { RefusedAnswer } from './request.ts';

/** Characters of a message that another wrote. */
const maxWords = 512;

/** Of an import: 401 and 403 tell that the credential is wrong. */
export function importFailure(error: unknown, place: string, sdk: ClientSdk): AdapterError {
  if (error instanceof AdapterError) return error;
  const status = error instanceof sdk.StreamableHTTPError ? error.code : undefined;
  if (status === 401 || status === 403)
    return new AdapterError(
      'Unauthorized',
      `${place}: HTTP ${status}: the server wants another credential; see auth`,
    );
  return new AdapterError('DiscoveryFailed', `${place}: ${words(error, sdk)}`, { cause: error });
}

/** Of a call: an adapter carries no other codes of the call protocol than `INTERNAL`, `TIMEOUT` and `INVALID_INPUT`. */
export function callFailure(error: unknown, host: string, signal: AbortSignal, sdk: ClientSdk): CallError {
  if (error instanceof CallError) return error;
  if (signal.aborted && signal.reason instanceof CallError) return signal.reason;
  if (error instanceof sdk.McpError) {
    if (error.code === sdk.ErrorCode.RequestTimeout)
      return new CallError('TIMEOUT', `${host} did not answer in time`);
    if (error.code === sdk.ErrorCode.InvalidParams) return new CallError('INVALID_INPUT', words(error, sdk));
  }
  return new CallError('INTERNAL', `${host}: ${words(error, sdk)}`, { cause: error });
}

/** Nothing more is to be had of the connection. */
export function isLost(error: unknown, sdk: ClientSdk): boolean {
  if (error instanceof sdk.McpError) return error.code === sdk.ErrorCode.ConnectionClosed;
  return error instanceof Error && !(error instanceof CallError || error instanceof AdapterError);
}

/** The server has run nothing: it refused the request for its session. Some say 400 instead of 404. */
export function isForgotten(error: unknown, sdk: ClientSdk): boolean {
  return error instanceof sdk.StreamableHTTPError && (error.code === 404 || error.code === 400);
}

function words(error: unknown, sdk: ClientSdk): string {
  return wordsOf(error, sdk).slice(0, maxWords);
}

function wordsOf(error: unknown, sdk: ClientSdk): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof RefusedAnswer || error instanceof CallError) return error.message;
  if (error instanceof sdk.StreamableHTTPError && error.code !== undefined && error.code > 0)
    return `HTTP ${error.code}: ${error.message.replace(/^Streamable HTTP error: (?:Error POSTing to endpoint: )?/, '')}`;
  if (error instanceof sdk.McpError) return error.message;
  const code = 'code' in error ? ` (${String(error.code)})` : '';
  return `no answer that could be read${code}: ${error.message}`;
}

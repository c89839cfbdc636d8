/**
 * What a remote answered, as the result of a call: a value, or a CallError. `docs/spec/http.md` 17.4. Pure.
 *
 * @module
 */

import { STATUS_CODES } from 'node:http';
import { CallError } from '@alknet/sdk';
import { essence, isJsonType, isTextType } from '../document/media-types.ts';
import { nesting } from '../json.ts';

const maxNesting = 64;
/** Bytes of `details.body`. */
export const maxErrorBody = 64 * 1024;

export interface ReceivedResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
}

/** @throws CallError `INTERNAL` for a body that is not what its type says */
export function bodyValue({ status, headers, body }: ReceivedResponse): unknown {
  if (status === 204 || status === 205 || body.length === 0) return null;
  const type = headers['content-type'] ?? '';
  const name = essence(type);
  if (isJsonType(name)) return jsonValue(textOf(body, type));
  return isTextType(name) ? textOf(body, type) : Buffer.from(body).toString('base64');
}

function jsonValue(text: string): unknown {
  if (nesting(text, maxNesting) > maxNesting)
    throw new CallError('INTERNAL', `the remote sent JSON nested more than ${maxNesting} levels deep`);
  try {
    return JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
  } catch {
    throw new CallError('INTERNAL', 'the remote sent a body that is not JSON, though its type says so');
  }
}

function textOf(body: Uint8Array, type: string): string {
  const [, charset = 'utf-8'] = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(type) ?? [];
  try {
    return new TextDecoder(charset).decode(body);
  } catch {
    return new TextDecoder().decode(body);
  }
}

/** Statuses of which the same call may succeed later. */
const retryable: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** Codes of an operation's own, by status. */
export type DeclaredCodes = ReadonlyMap<number, string>;

/** The error that a status other than 2xx is. */
export function statusError(
  response: ReceivedResponse,
  reason?: string,
  declared?: DeclaredCodes,
): CallError {
  const { status, headers } = response;
  const text = reason === undefined || reason === '' ? (STATUS_CODES[status] ?? '') : reason;
  const after = headers['retry-after'];
  const redirects = status >= 300 && status < 400;
  const { location } = headers;
  return new CallError(declared?.get(status) ?? `HTTP_${status}`, `HTTP ${status}: ${printable(text)}`, {
    retryable: retryable.has(status),
    details: {
      body: errorBody(response),
      ...(after === undefined ? {} : { retry_after: after }),
      ...(redirects && location !== undefined ? { location } : {}),
    },
  });
}

function errorBody(response: ReceivedResponse): unknown {
  const cut = { ...response, body: response.body.subarray(0, maxErrorBody) };
  try {
    return bodyValue(cut);
  } catch {
    // JSON that was cut short, or never was any.
    return textOf(cut.body, response.headers['content-type'] ?? '');
  }
}

function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 200);
}

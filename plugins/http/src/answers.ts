/**
 * Answers that several parts of the server give: a CallError with its status, and JSON. `docs/spec/http.md` 9.
 *
 * @module
 */

import { CallError } from '@alknet/sdk';
import { BodyFault } from './server/body.ts';
import type { Answer, HeaderFields } from './server/message.ts';

const statusOfCode: Readonly<Record<string, number>> = {
  NOT_FOUND: 404,
  FORBIDDEN: 403,
  INVALID_INPUT: 422,
  INVALID_OPERATION_TYPE: 400,
  TIMEOUT: 504,
  INTERNAL: 500,
  // The node itself gave the operation up; whoever aborts from outside is not there to read it.
  ABORTED: 503,
};

/** The bare CallError of a body. */
export function errorBody({ code, message, retryable, details }: CallError): Record<string, unknown> {
  // `ABORTED` is a code of the call protocol's own sessions; HTTP says it by its status.
  return {
    code: code === 'ABORTED' ? 'INTERNAL' : code,
    message,
    retryable,
    ...(details === undefined ? {} : { details }),
  };
}

export interface ErrorOptions {
  /** Whether the caller has no identity: 401 instead of 403. */
  readonly anonymous?: boolean;
  /** `httpStatus` by declared code. */
  readonly declared?: readonly { readonly code: string; readonly httpStatus?: number }[] | undefined;
  readonly headers?: HeaderFields;
  /** For the faults of a request that have one of their own. */
  readonly status?: number;
  readonly close?: boolean;
}

export function errorStatus(error: CallError, { declared, anonymous }: ErrorOptions): number {
  const protocol = Object.hasOwn(statusOfCode, error.code) ? statusOfCode[error.code] : undefined;
  if (protocol !== undefined) return protocol === 403 && anonymous === true ? 401 : protocol;
  const given = declared?.find(({ code }) => code === error.code)?.httpStatus;
  if (given !== undefined && given >= 400 && given <= 599) return given;
  const number = /^HTTP_([45]\d\d)$/.exec(error.code)?.[1];
  return number === undefined ? 500 : Number(number);
}

/** `docs/spec/http.md` 9: only for what may be repeated, and only a value that cannot break the header. */
function retryAfter(error: CallError, status: number): string | undefined {
  if ((status !== 429 && status !== 503) || !error.retryable) return undefined;
  const { details } = error;
  if (typeof details !== 'object' || details === null || !('retry_after' in details)) return undefined;
  const value = details.retry_after;
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? String(value) : undefined;
  if (typeof value !== 'string') return undefined;
  return /^\d{1,15}$/.test(value) || httpDate.test(value) ? value : undefined;
}

/** IMF-fixdate, RFC 9110 5.6.7. */
const httpDate = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z][a-z] \d{4} \d\d:\d\d:\d\d GMT$/;

export function errorAnswer(error: CallError, options: ErrorOptions = {}): Answer {
  const status = options.status ?? errorStatus(error, options);
  const headers: HeaderFields = { 'Content-Type': 'application/json', ...options.headers };
  if (status === 401) headers['WWW-Authenticate'] = 'Bearer';
  const after = retryAfter(error, status);
  if (after !== undefined) headers['Retry-After'] = after;
  return {
    status,
    headers,
    body: JSON.stringify(errorBody(error)),
    ...(options.close === true ? { close: true } : {}),
  };
}

/** The answer to whatever was thrown. After 408 and 413 the connection cannot go on. */
export function failureAnswer(error: unknown, options: ErrorOptions = {}): Answer {
  if (!(error instanceof BodyFault)) return errorAnswer(asCallError(error), options);
  const { status, message } = error;
  const close = status === 408 || status === 413;
  return errorAnswer(new CallError('INVALID_INPUT', message), { ...options, status, close });
}

export function methodNotAllowed(allowed: readonly string[]): Answer {
  const allow = allowed.includes('GET') && !allowed.includes('HEAD') ? [...allowed, 'HEAD'] : allowed;
  return errorAnswer(
    new CallError('INVALID_OPERATION_TYPE', `the methods of this path are ${allow.join(', ')}`),
    {
      status: 405,
      headers: { Allow: allow.join(', ') },
    },
  );
}

export function jsonAnswer(text: string): Answer {
  return { status: 200, headers: { 'Content-Type': 'application/json' }, body: text };
}

/** Whatever was thrown, as a CallError that tells nothing of the inside. */
export function asCallError(error: unknown): CallError {
  return error instanceof CallError ? error : new CallError('INTERNAL', 'internal error', { cause: error });
}

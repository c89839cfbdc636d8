/**
 * Errors as data, and back: what a plugin catches has the same class, code and details on either side of the port.
 *
 * @module
 */

import { CallError, type CloseInfo, ConnectionError, StoreError } from '@alknet/sdk';

/** Structured clone alone would keep neither class nor code. */
export interface WireError {
  readonly type: 'call' | 'connection' | 'store' | 'error' | 'value';
  readonly name?: string;
  readonly message?: string;
  readonly stack?: string | undefined;
  readonly code?: unknown;
  readonly retryable?: boolean;
  readonly details?: unknown;
  readonly streamCode?: number | undefined;
  readonly closeInfo?: CloseInfo | undefined;
  readonly cause?: WireError;
  /** Of `value`: what was thrown, if it can cross. */
  readonly value?: unknown;
  /** The error object of the host that this is a picture of, while its call lives. */
  readonly ref?: number;
}

const refs = new WeakMap<object, number>();

/** From here on the error's picture carries the number, and so does what is made of the picture. */
export function markError(error: object, ref: number): void {
  refs.set(error, ref);
}

/** The number that the error, or what it was made of, was marked with. */
export function errorRef(error: unknown): number | undefined {
  return typeof error === 'object' && error !== null ? refs.get(error) : undefined;
}

const maxCauses = 8;

export function encodeError(error: unknown, depth = 0): WireError {
  if (!(error instanceof Error)) {
    const isPlain = error === null || (typeof error !== 'object' && typeof error !== 'function');
    return { type: 'value', value: isPlain && typeof error !== 'symbol' ? error : String(error) };
  }
  const ref = errorRef(error);
  const base = {
    name: error.name,
    message: error.message,
    stack: error.stack,
    ...(error.cause === undefined || depth >= maxCauses
      ? {}
      : { cause: encodeError(error.cause, depth + 1) }),
    ...(ref === undefined ? {} : { ref }),
  };
  if (error instanceof CallError) {
    const { code, retryable, details } = error;
    return { type: 'call', ...base, code, retryable, details };
  }
  if (error instanceof ConnectionError) {
    const { code, streamCode, closeInfo } = error;
    return { type: 'connection', ...base, code, streamCode, closeInfo };
  }
  const { code, streamCode } = error as { code?: unknown; streamCode?: unknown };
  return {
    type: error instanceof StoreError ? 'store' : 'error',
    ...base,
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    ...(typeof streamCode === 'number' ? { streamCode } : {}),
  };
}

const native: Readonly<Record<string, ErrorConstructor>> = {
  RangeError,
  TypeError,
  SyntaxError,
  ReferenceError,
};

export function reviveError(wire: WireError): unknown {
  if (wire.type === 'value') return wire.value;
  const error = make(wire);
  if (wire.stack !== undefined) Object.defineProperty(error, 'stack', { value: wire.stack, writable: true });
  if (wire.ref !== undefined) markError(error, wire.ref);
  return error;
}

function make(wire: WireError): Error {
  const { type, name = 'Error', message = '', code, retryable, details, streamCode, closeInfo } = wire;
  const cause = wire.cause === undefined ? {} : { cause: reviveError(wire.cause) };
  if (type === 'call') {
    return new CallError(String(code), message, {
      ...(retryable === undefined ? {} : { retryable }),
      details,
      ...cause,
    });
  }
  if (type === 'connection') {
    return new ConnectionError(code as ConnectionError['code'], message, {
      ...(closeInfo === undefined ? {} : { closeInfo }),
      ...(streamCode === undefined ? {} : { streamCode }),
      ...cause,
    });
  }
  if (type === 'store') return new StoreError(code as StoreError['code'], message, cause);
  if (name === 'AbortError' || name === 'TimeoutError') return new DOMException(message, name);
  const error = new (native[name] ?? Error)(message, cause);
  if (error.name !== name) Object.defineProperty(error, 'name', { value: name, configurable: true });
  if (code !== undefined) Object.assign(error, { code });
  if (streamCode !== undefined) Object.assign(error, { streamCode });
  return error;
}

/**
 * The errors that cross a boundary.
 *
 * Plugins may bring their own copy of this package, so the classes carry a brand from the global symbol registry and
 * `instanceof` looks at the brand: an error made by one copy is an instance for every other.
 *
 * @module
 */

const callErrorBrand = Symbol.for('alknet.CallError');
const connectionErrorBrand = Symbol.for('alknet.ConnectionError');

function isBranded(value: unknown, brand: symbol): boolean {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[brand] === true;
}

/** The codes of the call protocol itself; operations declare further ones. `docs/spec/call.md` 12. */
export type CallErrorCode =
  | 'NOT_FOUND'
  | 'FORBIDDEN'
  | 'INVALID_INPUT'
  | 'INVALID_OPERATION_TYPE'
  | 'INTERNAL'
  | 'TIMEOUT'
  | 'ABORTED';

export interface CallErrorOptions {
  /** Whether the same call may succeed when repeated. Default: only `TIMEOUT`. */
  retryable?: boolean;
  /** JSON that a program can act on. */
  details?: unknown;
  cause?: unknown;
}

/**
 * A failed call. Programs switch on `code`, never on `message`; the set of codes is open.
 *
 * @example
 * throw new CallError('BOOK_TAKEN', 'that book is out', { details: { until: '2026-12-01' } });
 */
export class CallError extends Error {
  readonly code: string;
  readonly retryable: boolean;
  readonly details?: unknown;

  constructor(code: CallErrorCode | (string & {}), message: string, options: CallErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CallError';
    this.code = code;
    this.retryable = options.retryable ?? code === 'TIMEOUT';
    if (options.details !== undefined) this.details = options.details;
    Object.defineProperty(this, callErrorBrand, { value: true });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isBranded(value, callErrorBrand);
  }
}

/** Why a connection ended. `docs/spec/endpoint.md` 3. */
export interface CloseInfo {
  /** Application close code, or the transport's when `by` is `transport`. */
  readonly code: number;
  readonly reason: string;
  readonly by: 'local' | 'peer' | 'host' | 'transport';
}

export type ConnectionErrorCode =
  | 'CONNECTION_CLOSED'
  | 'STREAM_CLOSED'
  | 'STREAM_RESET'
  | 'STREAM_STOPPED'
  | 'TIMEOUT'
  | 'LIMIT'
  | 'INTERNAL';

export interface ConnectionErrorOptions {
  /** With `CONNECTION_CLOSED`. */
  closeInfo?: CloseInfo;
  /** With `STREAM_RESET` and `STREAM_STOPPED`: the code that the peer gave. */
  streamCode?: number;
  cause?: unknown;
}

/** What `openStream`, reads and writes fail with. `docs/spec/endpoint.md` 3. */
export class ConnectionError extends Error {
  readonly code: ConnectionErrorCode;
  readonly closeInfo?: CloseInfo;
  readonly streamCode?: number;

  constructor(code: ConnectionErrorCode, message: string, options: ConnectionErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ConnectionError';
    this.code = code;
    if (options.closeInfo !== undefined) this.closeInfo = options.closeInfo;
    if (options.streamCode !== undefined) this.streamCode = options.streamCode;
    Object.defineProperty(this, connectionErrorBrand, { value: true });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isBranded(value, connectionErrorBrand);
  }
}

/** Application close codes of the host. `docs/spec/endpoint.md` 12. */
export const CloseCode = {
  DONE: 0x0,
  SHUTDOWN: 0xa1c0,
  NO_HANDLER: 0xa1c1,
  HANDLER_ERROR: 0xa1c2,
  AUTH_REQUIRED: 0xa1c3,
  REVOKED: 0xa1c4,
  LIMIT: 0xa1c5,
  RELOAD: 0xa1c6,
  OPERATOR: 0xa1c7,
} as const;

/** Stream reset and stop codes. `docs/spec/endpoint.md` 12. */
export const StreamCode = {
  CANCELLED: 0xa1d0,
  BAD_FRAME: 0xa1d1,
  FRAME_TOO_LARGE: 0xa1d2,
  STALLED: 0xa1d3,
  INTERNAL: 0xa1d4,
} as const;

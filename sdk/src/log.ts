/**
 * The logger that a plugin is given. One event is one line.
 *
 * @module
 */

export type LogLevel = 'error' | 'warn' | 'notice' | 'info' | 'debug' | 'trace';

export type LogFields = Readonly<Record<string, unknown>>;

/** `event` is a fixed short text; what varies goes into `fields`. Never a secret, never application bytes. */
export type Log = {
  readonly [Level in LogLevel]: (event: string, fields?: LogFields) => void;
} & {
  /** Whether lines of that level are written at all. */
  enabled(level: LogLevel): boolean;
  child(fields: LogFields): Log;
};

const nothing = () => {};

/** Writes nothing. */
export const silentLog: Log = {
  error: nothing,
  warn: nothing,
  notice: nothing,
  info: nothing,
  debug: nothing,
  trace: nothing,
  enabled: () => false,
  child: () => silentLog,
};

/**
 * The log of a plugin in its thread: lines go to the host, which adds whose they are.
 *
 * @module
 */

import { inspect } from 'node:util';
import type { Log, LogFields, LogLevel } from '@alknet/sdk';
import { encodeError } from '../errors.ts';
import type { HostLink } from './thread.ts';

/** `call` is the running call whose line it is, 0 for none; `enabled` follows the configuration. */
export function threadLog(
  link: HostLink,
  call: number,
  enabled: (level: LogLevel) => boolean,
  own: LogFields = {},
): Log {
  const at =
    (level: LogLevel) =>
    (event: string, fields: LogFields = {}) => {
      if (enabled(level)) link.tell('log', call, level, event, sendable({ ...own, ...fields }));
    };
  return {
    error: at('error'),
    warn: at('warn'),
    notice: at('notice'),
    info: at('info'),
    debug: at('debug'),
    trace: at('trace'),
    enabled,
    child: (fields) => threadLog(link, call, enabled, { ...own, ...fields }),
  };
}

function sendable(fields: LogFields): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, sendableValue(value)]));
}

function sendableValue(value: unknown): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') return String(value);
  if (typeof value !== 'object' || value === null) return value;
  // A Map is no field that a log knows: it marks the picture of an error.
  if (value instanceof Error) return new Map([['error', encodeError(value)]]);
  try {
    return structuredClone(value);
  } catch {
    return inspect(value);
  }
}

/**
 * A log that keeps its lines.
 *
 * @module
 */

import type { Log, LogFields, LogLevel } from '../log.ts';

export interface LogLine {
  readonly level: LogLevel;
  readonly event: string;
  /** With those of the loggers that the line came through. */
  readonly fields: LogFields;
}

export function captureLog(lines: LogLine[], inherited: LogFields = {}): Log {
  const write =
    (level: LogLevel) =>
    (event: string, fields: LogFields = {}) =>
      void lines.push({ level, event, fields: { ...inherited, ...fields } });
  return {
    error: write('error'),
    warn: write('warn'),
    notice: write('notice'),
    info: write('info'),
    debug: write('debug'),
    trace: write('trace'),
    enabled: () => true,
    child: (fields) => captureLog(lines, { ...inherited, ...fields }),
  };
}

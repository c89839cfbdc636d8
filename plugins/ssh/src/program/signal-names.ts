/**
 * Names of signals as `signal` and `exit-signal` carry them. RFC 4254 6.9 and 6.10.
 *
 * @module
 */

import { constants } from 'node:os';

/** Without `SIG`: all that a client may send, and all that it is told; another ends as exit status 128 and its number. */
export const rfcSignals: ReadonlySet<string> = new Set([
  'ABRT',
  'ALRM',
  'FPE',
  'HUP',
  'ILL',
  'INT',
  'KILL',
  'PIPE',
  'QUIT',
  'SEGV',
  'TERM',
  'USR1',
  'USR2',
]);

/** Of `SIGTERM` or 15; `undefined` for one without a name in RFC 4254. */
export function signalNames(signal: string | number): string | undefined {
  const name =
    typeof signal === 'string'
      ? signal
      : Object.entries(constants.signals).find(([, number]) => number === signal)?.[0];
  const short = name?.replace(/^SIG/, '');
  return short !== undefined && rfcSignals.has(short) ? short : undefined;
}

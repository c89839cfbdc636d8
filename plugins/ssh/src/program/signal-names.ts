/**
 * Names of signals as `exit-signal` carries them. RFC 4254 6.10.
 *
 * @module
 */

import { constants } from 'node:os';

/** The library knows how to write these; another is told as an exit status of 128 and its number. */
const known = new Set([
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
  return short !== undefined && known.has(short) ? short : undefined;
}

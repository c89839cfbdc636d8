/**
 * The line of `ls -l` that stands beside a name in READDIR. `docs/spec/sftp.md` 4.
 *
 * @module
 */

import type { Entry } from './file-system.ts';

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
/** The file types of `st_mode`, by its top four bits. */
const types = '?pc?d?b?-?l?s???';
/** Milliseconds after which the year says more than the hour. */
const old = 180 * 24 * 3600 * 1000;

/** `now` and the zone: milliseconds since 1970, and that of the daemon. */
export function longName({ name, attributes, links }: Entry, now: number): Buffer {
  const { permissions, owner, size, times } = attributes;
  const columns = [
    permissions === undefined ? '??????????' : modeText(permissions),
    String(links).padStart(4),
    String(owner?.uid ?? '?').padEnd(8),
    String(owner?.gid ?? '?').padEnd(8),
    String(size ?? '?').padStart(8),
    times === undefined ? '?'.padEnd(12) : dateText(times.mtime * 1000, now),
    '',
  ];
  return Buffer.concat([Buffer.from(columns.join(' ')), name]);
}

export function modeText(mode: number): string {
  const type = types[(mode >> 12) & 0o17] ?? '?';
  const triple = (shift: number, special: number, letter: string) => {
    const bits = mode >> shift;
    const runs = (bits & 1) !== 0;
    const last =
      (mode & special) === 0 ? (runs ? 'x' : '-') : runs ? letter.toLowerCase() : letter.toUpperCase();
    return `${(bits & 4) !== 0 ? 'r' : '-'}${(bits & 2) !== 0 ? 'w' : '-'}${last}`;
  };
  return `${type}${triple(6, 0o4000, 's')}${triple(3, 0o2000, 's')}${triple(0, 0o1000, 't')}`;
}

function dateText(time: number, now: number): string {
  const date = new Date(time);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${months[date.getMonth()]} ${String(date.getDate()).padStart(2)}`;
  // A time to come is as far away as an old one.
  if (Math.abs(now - time) > old) return `${day} ${String(date.getFullYear()).padStart(5)}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

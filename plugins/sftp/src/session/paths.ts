/**
 * Paths as text: bytes between slashes, without a look at any file. `docs/spec/sftp.md` 4 (REALPATH) and 5.
 *
 * @module
 */

import { badMessage } from './status.ts';

const slash = 0x2f;
const maxPath = 4096;
const maxSegment = 255;

/**
 * The pieces between the slashes, without empty ones and `.`.
 * @throws StatusError `BAD_MESSAGE` for NUL and for what is too long
 */
export function segmentsOf(path: Buffer): Buffer[] {
  if (path.length > maxPath || path.includes(0)) throw badMessage();
  const segments: Buffer[] = [];
  for (let from = 0; from <= path.length; ) {
    const next = path.indexOf(slash, from);
    const to = next === -1 ? path.length : next;
    const segment = path.subarray(from, to);
    if (segment.length > maxSegment) throw badMessage();
    if (segment.length > 0 && !isDot(segment)) segments.push(segment);
    from = to + 1;
  }
  return segments;
}

export const isAbsolute = (path: Buffer): boolean => path[0] === slash;
export const isDot = (segment: Buffer): boolean => segment.length === 1 && segment[0] === 0x2e;
export const isParent = (segment: Buffer): boolean =>
  segment.length === 2 && segment[0] === 0x2e && segment[1] === 0x2e;

/** From the root of what the session sees, `..` still in it. */
export function fromRoot(path: Buffer, start: Buffer): Buffer[] {
  return isAbsolute(path) ? segmentsOf(path) : [...segmentsOf(start), ...segmentsOf(path)];
}

/** The absolute path without `.` and `..`; no link is followed, and nothing needs to exist. */
export function textualPath(path: Buffer, start: Buffer): Buffer {
  const kept: Buffer[] = [];
  for (const segment of fromRoot(path, start)) {
    if (isParent(segment)) kept.pop();
    else kept.push(segment);
  }
  return joined(kept);
}

export function joined(segments: readonly Buffer[]): Buffer {
  if (segments.length === 0) return Buffer.from('/');
  const pieces: Buffer[] = [];
  for (const segment of segments) pieces.push(Buffer.from('/'), segment);
  return Buffer.concat(pieces);
}

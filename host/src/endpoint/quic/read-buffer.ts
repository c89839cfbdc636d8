/**
 * One buffer that all connections read into: reading is synchronous, and what is kept is copied out of it or takes its
 * part of it along.
 *
 * @module
 */

const size = 64 * 1024;
/** Data below this is copied out instead of giving its part away, and less room than this is not read into. */
const copyBelow = 16 * 1024;
let shared = Buffer.allocUnsafeSlow(size);

/** Where to read into; valid until the next {@link takeRead}. */
export function readBuffer(): Buffer {
  return shared;
}

/** The first `length` bytes of what was read, for keeps. */
export function takeRead(length: number): Buffer {
  const view = shared.subarray(0, length);
  if (length < copyBelow) return Buffer.from(view);
  shared = shared.length - length < copyBelow ? Buffer.allocUnsafeSlow(size) : shared.subarray(length);
  return view;
}

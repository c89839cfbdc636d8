/**
 * Why bytes are no envelope, and how deep they may nest. `docs/spec/call.md` 2. Pure.
 *
 * @module
 */

import { StreamCode } from '../errors.ts';

/** Levels of arrays and objects, the envelope itself included. */
export const maxNesting = 64;

/** Why a stream is given up; `streamCode` goes to the peer. The message never holds a byte of the content. */
export class BadFrame extends Error {
  override readonly name = 'BadFrame';
  readonly streamCode: number;

  constructor(reason: string, streamCode: number = StreamCode.BAD_FRAME) {
    super(reason);
    this.streamCode = streamCode;
  }
}

const quote = 0x22;
const backslash = 0x5c;

/** Deepest nesting of brackets outside strings, counted on the bytes: parsing deep text is what must not happen. */
export function nesting(body: Uint8Array): number {
  let depth = 0;
  let deepest = 0;
  for (let i = 0; i < body.length; i++) {
    const byte = body[i];
    if (byte === quote) {
      for (i++; i < body.length && body[i] !== quote; i++) if (body[i] === backslash) i++;
    } else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > deepest) deepest = depth;
    } else if (byte === 0x7d || byte === 0x5d) depth--;
  }
  return deepest;
}

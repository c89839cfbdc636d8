/**
 * Frames: a 4-byte big-endian length and that many bytes of JSON. `docs/spec/call.md` 2. Pure: bytes in, bodies out.
 *
 * @module
 */

import { isUtf8 } from 'node:buffer';
import { StreamCode } from '../errors.ts';
import { BadFrame, maxNesting, nesting } from './bad-frame.ts';

/** Bytes of one body, whatever the receiver's own limit. */
export const maxFrame = 64 * 1024 * 1024;
const prefixLength = 4;

/** Cuts a byte stream into bodies. */
export class FrameReader {
  #limit: () => number;
  /** Bytes of an unfinished prefix or body. */
  #chunks: Buffer[] = [];
  #have = 0;
  /** Of the body under way; `undefined` while the prefix is incomplete. */
  #need: number | undefined;

  constructor(limit: () => number) {
    this.#limit = limit;
  }

  /** Bytes held of an unfinished frame. */
  get partial(): number {
    return this.#have;
  }

  /** Body length of the unfinished frame, if its prefix is known. */
  get expected(): number {
    return this.#need ?? 0;
  }

  /** Bodies that `chunk` completes, in order. @throws BadFrame, from the iterator; nothing may be fed afterwards. */
  *feed(chunk: Buffer): Generator<Buffer, void, undefined> {
    let offset = 0;
    for (;;) {
      if (this.#need === undefined) {
        if (this.#have === 0 && chunk.length - offset >= prefixLength) {
          this.#need = this.#checked(chunk.readUInt32BE(offset));
          offset += prefixLength;
        } else {
          offset = this.#hold(chunk, offset, prefixLength);
          if (this.#have < prefixLength) return;
          this.#need = this.#checked(this.#take().readUInt32BE(0));
        }
      }
      const need = this.#need;
      if (this.#have === 0 && chunk.length - offset >= need) {
        this.#need = undefined;
        yield chunk.subarray(offset, offset + need);
        offset += need;
      } else {
        offset = this.#hold(chunk, offset, need);
        if (this.#have < need) return;
        this.#need = undefined;
        yield this.#take();
      }
      if (offset === chunk.length) return;
    }
  }

  /** @throws BadFrame when the stream ends inside a prefix or body. */
  end(): void {
    if (this.#have > 0 || this.#need !== undefined) throw new BadFrame('the stream ended inside a frame');
  }

  #hold(chunk: Buffer, offset: number, upTo: number): number {
    const end = Math.min(chunk.length, offset + upTo - this.#have);
    if (end > offset) {
      // A small piece must not keep a large read buffer alive.
      const piece = chunk.subarray(offset, end);
      this.#chunks.push(piece.length < chunk.length / 2 ? Buffer.from(piece) : piece);
      this.#have += end - offset;
    }
    return end;
  }

  #take(): Buffer {
    const [first] = this.#chunks;
    const whole =
      this.#chunks.length === 1 && first !== undefined ? first : Buffer.concat(this.#chunks, this.#have);
    this.#chunks = [];
    this.#have = 0;
    return whole;
  }

  #checked(length: number): number {
    if (length === 0) throw new BadFrame('a frame of length 0');
    if (length > maxFrame) throw new BadFrame(`a frame of ${length} bytes, the protocol allows ${maxFrame}`);
    const limit = this.#limit();
    if (length > limit) {
      throw new BadFrame(`a frame of ${length} bytes, limits.frame is ${limit}`, StreamCode.FRAME_TOO_LARGE);
    }
    return length;
  }
}

/** The JSON value of a body. @throws BadFrame */
export function parseBody(body: Buffer): unknown {
  if (!isUtf8(body)) throw new BadFrame('the body is not UTF-8');
  if (body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf)
    throw new BadFrame('the body begins with a byte order mark');
  if (nesting(body) > maxNesting) throw new BadFrame(`arrays and objects nest deeper than ${maxNesting}`);
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new BadFrame('the body is not one JSON value');
  }
}

/** A whole frame of JSON text. */
export function encodeFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(prefixLength + length);
  frame.writeUInt32BE(length, 0);
  frame.write(text, prefixLength, 'utf8');
  return frame;
}

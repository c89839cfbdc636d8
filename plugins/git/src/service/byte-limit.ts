/**
 * What a client sends on its way to git, which holds what it is asked in memory and counts none of it. `docs/spec/git.md` 8.
 *
 * @module
 */

import { Transform, type TransformCallback } from 'node:stream';

export class ByteLimit extends Transform {
  private left: number;
  private readonly tooMuch: () => void;

  /** `most`: bytes that count. `tooMuch` is told once, and nothing more passes. */
  constructor(most: number, tooMuch: () => void) {
    super();
    this.left = most;
    this.tooMuch = tooMuch;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    if (this.left < 0) return done();
    this.left -= this.counted(chunk);
    if (this.left >= 0) return done(null, chunk);
    this.tooMuch();
    done();
  }

  /** Bytes of it that count. */
  protected counted(chunk: Buffer): number {
    return chunk.length;
  }
}

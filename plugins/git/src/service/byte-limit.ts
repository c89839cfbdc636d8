/**
 * What a client asks of one fetch or archive on its way to git, which holds wants, limits of a shallow clone and options of
 * the server in memory for as long as it runs, and counts none of them. `docs/spec/git.md` 8.
 *
 * @module
 */

import { Transform, type TransformCallback } from 'node:stream';

/** Bytes: wants of more than 600 000 objects. */
const maxRequest = 32 * 1024 * 1024;

export class RequestLimit extends Transform {
  private left = maxRequest;
  private readonly tooMuch: () => void;

  /** `tooMuch` is told once, and nothing more passes. */
  constructor(tooMuch: () => void) {
    super();
    this.tooMuch = tooMuch;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const before = this.left;
    this.left -= chunk.length;
    if (this.left >= 0) return done(null, chunk);
    if (before >= 0) this.tooMuch();
    done();
  }
}

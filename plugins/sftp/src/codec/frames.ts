/**
 * Frames out of a stream of bytes, however it is cut: a 32-bit length, then that many bytes.
 *
 * @module
 */

/** A declared length that is 0 or above the limit: nothing after it can be understood. */
export class BadFrameLength extends Error {
  override readonly name = 'BadFrameLength';

  constructor(length: number, most: number) {
    super(`expected a packet of 1 to ${most} bytes, found a declared length of ${length}`);
  }
}

export class FrameDecoder {
  readonly #most: number;
  readonly #prefix = Buffer.alloc(4);
  /** Bytes of the prefix that are here. */
  #prefixed = 0;
  /** Of a frame that came in part. */
  #partial: Buffer | undefined;
  #filled = 0;

  /** `most`: bytes of the largest frame, type and body. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Whether the bytes so far end within a frame. */
  get isMidFrame(): boolean {
    return this.#prefixed > 0;
  }

  /**
   * The frames that the chunk completes, type and body each. One that lies whole in the chunk is a view of it; another is
   * put together in memory of its own, which is taken when the length is known and allowed.
   * @throws BadFrameLength
   */
  *push(chunk: Buffer): Generator<Buffer, void, undefined> {
    let at = 0;
    while (at < chunk.length) {
      while (this.#prefixed < 4 && at < chunk.length) this.#prefix[this.#prefixed++] = chunk[at++] ?? 0;
      if (this.#prefixed < 4) return;
      const length = this.#prefix.readUInt32BE();
      if (length === 0 || length > this.#most) throw new BadFrameLength(length, this.#most);
      const left = chunk.length - at;
      if (this.#partial === undefined && left >= length) {
        this.#prefixed = 0;
        yield chunk.subarray(at, at + length);
        at += length;
        continue;
      }
      this.#partial ??= Buffer.allocUnsafeSlow(length);
      const part = Math.min(left, length - this.#filled);
      chunk.copy(this.#partial, this.#filled, at, at + part);
      at += part;
      this.#filled += part;
      if (this.#filled < length) return;
      const whole = this.#partial;
      this.#prefixed = 0;
      this.#filled = 0;
      this.#partial = undefined;
      yield whole;
    }
  }
}

/**
 * Data types of RFC 4251 5, read from a buffer that nobody has checked.
 *
 * @module
 */

/** The bytes end before the value does, or go on behind the last one. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

export class WireReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get position(): number {
    return this.#at;
  }

  get ended(): boolean {
    return this.#at === this.#bytes.length;
  }

  uint32(): number {
    return this.#take(4).readUInt32BE(0);
  }

  uint64(): bigint {
    return this.#take(8).readBigUInt64BE(0);
  }

  string(): Buffer {
    return this.#take(this.uint32());
  }

  text(): string {
    return this.string().toString('utf8');
  }

  /** A positive mpint as bytes without leading zeros. */
  unsigned(): Buffer {
    const bytes = this.string();
    if ((bytes[0] ?? 0) & 0x80) throw new WireError('a negative number');
    const start = bytes.findIndex((byte) => byte !== 0);
    return start === -1 ? Buffer.alloc(0) : bytes.subarray(start);
  }

  /** @throws WireError when something is left */
  end(): void {
    if (!this.ended) throw new WireError(`${this.#bytes.length - this.#at} bytes too many`);
  }

  #take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new WireError(`${end - this.#bytes.length} bytes missing`);
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}

export function wireString(value: Uint8Array | string): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

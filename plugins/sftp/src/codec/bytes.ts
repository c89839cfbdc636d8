/**
 * Reading and writing the fields of a packet: big-endian numbers and strings with a 32-bit length.
 *
 * @module
 */

/** The bytes are no packet of SFTP version 3. `id` is that of the request when it could be read, else 0. */
export class MalformedPacket extends Error {
  override readonly name = 'MalformedPacket';
  id = 0;
}

export class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }

  u32(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  u64(): bigint {
    return this.#bytes.readBigUInt64BE(this.#take(8));
  }

  /** A view of the packet's own bytes, not a copy. */
  string(): Buffer {
    const length = this.u32();
    const from = this.#take(length);
    return this.#bytes.subarray(from, from + length);
  }

  rest(): Buffer {
    const from = this.#take(this.left);
    return this.#bytes.subarray(from);
  }

  /** @throws MalformedPacket when bytes are left */
  end(): void {
    if (this.left > 0) throw new MalformedPacket(`${this.left} bytes too many`);
  }

  #take(length: number): number {
    const from = this.#at;
    if (length > this.left) throw new MalformedPacket(`expected ${length} more bytes, found ${this.left}`);
    this.#at += length;
    return from;
  }
}

export class Writer {
  #bytes: Buffer;
  #at = 0;

  constructor(capacity = 128) {
    this.#bytes = Buffer.allocUnsafe(capacity);
  }

  u8(value: number): void {
    this.#at = this.#room(1).writeUInt8(value, this.#at);
  }

  u32(value: number): void {
    this.#at = this.#room(4).writeUInt32BE(value, this.#at);
  }

  u64(value: bigint): void {
    this.#at = this.#room(8).writeBigUInt64BE(value, this.#at);
  }

  string(value: Uint8Array): void {
    this.u32(value.length);
    this.raw(value);
  }

  raw(value: Uint8Array): void {
    this.#room(value.length).set(value, this.#at);
    this.#at += value.length;
  }

  /** What was written, as one piece. */
  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  #room(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#at + length, 2 * this.#bytes.length));
      this.#bytes.copy(larger, 0, 0, this.#at);
      this.#bytes = larger;
    }
    return this.#bytes;
  }
}

/**
 * Tokens of stateless Retry (RFC 9000 8.1.2): sealed with AES-256-GCM, bound to the client's address and port, the
 * connection ids and the time. `docs/spec/endpoint.md` 6.2. Pure but for randomness; the clock comes in.
 *
 * @module
 */

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { RemoteAddress } from '@alknet/sdk';

/** Milliseconds that a key seals for; it opens for one more token life. */
const keyLife = 3_600_000;

interface Key {
  readonly bytes: Buffer;
  readonly madeAt: number;
}

export class RetryTokens {
  #current: Key;
  #previous: Key | undefined;

  constructor(now: number) {
    this.#current = { bytes: randomBytes(32), madeAt: now };
  }

  /**
   * `original` is the destination id of the client's first Initial, `chosen` the id that Retry gives it. Times in
   * milliseconds of one monotonic clock.
   */
  seal(remote: RemoteAddress, original: Uint8Array, chosen: Uint8Array, now: number): Buffer {
    if (now - this.#current.madeAt > keyLife) {
      this.#previous = this.#current;
      this.#current = { bytes: randomBytes(32), madeAt: now };
    }
    const iv = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.#current.bytes, iv);
    cipher.setAAD(binding(remote, chosen));
    const time = Buffer.alloc(8);
    time.writeDoubleBE(now);
    return Buffer.concat([
      iv,
      cipher.update(time),
      cipher.update(original),
      cipher.final(),
      cipher.getAuthTag(),
    ]);
  }

  /** The original destination id, or `undefined` for a token that is foreign, of another address or too old. */
  open(
    token: Uint8Array,
    remote: RemoteAddress,
    chosen: Uint8Array,
    now: number,
    life: number,
  ): Buffer | undefined {
    if (token.length < 12 + 8 + 16 || token.length > 12 + 8 + 20 + 16) return undefined;
    const keys = this.#previous === undefined ? [this.#current] : [this.#current, this.#previous];
    for (const { bytes } of keys) {
      const decipher = createDecipheriv('aes-256-gcm', bytes, token.subarray(0, 12));
      decipher.setAAD(binding(remote, chosen));
      decipher.setAuthTag(token.subarray(token.length - 16));
      try {
        const opened = decipher.update(token.subarray(12, token.length - 16));
        decipher.final();
        const age = now - opened.readDoubleBE(0);
        return age >= 0 && age <= life ? opened.subarray(8) : undefined;
      } catch {
        // Not sealed with this key.
      }
    }
    return undefined;
  }
}

function binding({ address, port }: RemoteAddress, chosen: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${address}\0${port}\0`), chosen]);
}

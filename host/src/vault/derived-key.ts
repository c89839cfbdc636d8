/**
 * A derived key, owned by whoever asked for it. `docs/spec/vault.md` 6.
 *
 * @module
 */

import { inspect } from 'node:util';
import type { RawKey } from './derive.ts';
import { VaultError } from './errors.ts';
import { parsePath } from './path.ts';

export type KeyType = 'Ed25519' | 'Aes256Gcm' | 'Secp256k1';
export const keyTypes: readonly KeyType[] = ['Ed25519', 'Aes256Gcm', 'Secp256k1'];

const redacted = '[REDACTED]';
const redactedBytes = [...Buffer.from(redacted)];

export interface RedactedKey {
  readonly keyType: KeyType;
  readonly path: string;
  readonly privateKey: typeof redacted;
  readonly chainCode: typeof redacted;
  readonly publicKey: string;
}

export class DerivedKey {
  readonly keyType: KeyType;
  /** Canonical. */
  readonly path: string;
  readonly publicKey: Uint8Array;
  readonly #privateKey: Uint8Array;
  readonly #chainCode: Uint8Array;
  #disposed = false;

  /** Copies the arrays. */
  constructor(keyType: KeyType, path: string, raw: RawKey) {
    this.keyType = keyType;
    this.path = path;
    this.publicKey = raw.publicKey.slice();
    this.#privateKey = raw.privateKey.slice();
    this.#chainCode = raw.chainCode.slice();
  }

  get privateKey(): Uint8Array {
    this.#check();
    return this.#privateKey;
  }

  get chainCode(): Uint8Array {
    this.#check();
    return this.#chainCode;
  }

  /** Overwrites the private bytes; using the key afterwards throws. */
  dispose(): void {
    this.#disposed = true;
    this.#privateKey.fill(0);
    this.#chainCode.fill(0);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #check(): void {
    if (this.#disposed)
      throw new VaultError('Derivation', `the key at ${this.path} has been disposed of`, 'KeyDerivation');
  }

  toJSON(): RedactedKey {
    return {
      keyType: this.keyType,
      path: this.path,
      privateKey: redacted,
      chainCode: redacted,
      publicKey: Buffer.from(this.publicKey).toString('hex'),
    };
  }

  [inspect.custom](): string {
    return `DerivedKey ${inspect(this.toJSON())}`;
  }

  /**
   * A key from its parts; `privateKey` as hexadecimal text or an array of byte numbers.
   * @throws VaultError `Derivation`; a redacted key says so
   */
  static parse(value: unknown): DerivedKey {
    if (typeof value !== 'object' || value === null) throw malformed('expected an object');
    const { keyType, path, privateKey, publicKey, chainCode } = value as Record<string, unknown>;
    const known = keyTypes.find((type) => type === keyType);
    if (known === undefined) throw malformed(`keyType: expected one of ${keyTypes.join(', ')}`);
    if (typeof path !== 'string') throw malformed('path: expected text');
    const secret = bytesOf('privateKey', privateKey);
    if (secret.length !== 32) throw malformed(`privateKey: expected 32 bytes, found ${secret.length}`);
    return new DerivedKey(known, parsePath(path).text, {
      privateKey: secret,
      publicKey: publicKey === undefined ? new Uint8Array(0) : bytesOf('publicKey', publicKey),
      chainCode: chainCode === undefined ? new Uint8Array(32) : bytesOf('chainCode', chainCode),
    });
  }
}

function bytesOf(member: string, value: unknown): Uint8Array {
  if (value === redacted || (Array.isArray(value) && value.join() === redactedBytes.join())) {
    throw new VaultError('Derivation', `${member} is redacted: it holds no key; derive it again`, 'Redacted');
  }
  if (typeof value === 'string' && /^(?:[0-9a-f]{2})*$/i.test(value))
    return new Uint8Array(Buffer.from(value, 'hex'));
  if (Array.isArray(value) && value.every((byte) => Number.isInteger(byte) && byte >= 0 && byte <= 255)) {
    return Uint8Array.from(value);
  }
  throw malformed(`${member}: expected hexadecimal text or an array of byte numbers`);
}

function malformed(text: string): VaultError {
  return new VaultError('Derivation', `derived key: ${text}`, 'KeyDerivation');
}

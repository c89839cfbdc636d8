/**
 * The vault handle: locked or unlocked; derives, encrypts and decrypts. `docs/spec/vault.md` 8.
 *
 * @example
 * const vault = new Vault();
 * vault.unlock('abandon … about');
 * using key = vault.deriveEd25519(IDENTITY);
 *
 * @module
 */

import { performance } from 'node:perf_hooks';
import { inspect } from 'node:util';
import { decrypt, type EncryptedData, encrypt, parseEncrypted } from './cipher.ts';
import { deriveAes, deriveEd25519, deriveSecp256k1, type RawKey } from './derive.ts';
import { DerivedKey, type KeyType, keyTypes } from './derived-key.ts';
import { VaultError } from './errors.ts';
import { cacheSize, KeyCache } from './key-cache.ts';
import { generatePhrase, type Phrase, parsePhrase, seedOf } from './mnemonic.ts';
import {
  CURRENT_KEY_VERSION,
  type DerivationPath,
  ETHEREUM,
  encryptionPath,
  isHardened,
  parsePath,
} from './path.ts';

export interface VaultOptions {
  /** Milliseconds; for tests of the cache. */
  now?: () => number;
  cacheSize?: number;
}

interface Unlocked {
  readonly seed: Uint8Array;
  readonly phrase: Phrase;
  readonly mnemonicPassphrase: string;
}

const derivations: Record<KeyType, (seed: Uint8Array, path: DerivationPath) => RawKey> = {
  Ed25519: deriveEd25519,
  Aes256Gcm: deriveAes,
  Secp256k1: deriveSecp256k1,
};

const strictText = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export class Vault {
  readonly #cache: KeyCache;
  #state: Unlocked | undefined;

  constructor({ now = () => performance.now(), cacheSize: size = cacheSize }: VaultOptions = {}) {
    this.#cache = new KeyCache(now, size);
  }

  get isUnlocked(): boolean {
    return this.#state !== undefined;
  }

  get cached(): number {
    return this.#cache.size;
  }

  /** @throws VaultError `AlreadyUnlocked` before the phrase is looked at, `Mnemonic` */
  unlock(phrase: string | Uint8Array, mnemonicPassphrase = ''): void {
    this.#mustBeLocked();
    const text = typeof phrase === 'string' ? phrase : new TextDecoder().decode(phrase);
    this.#open(parsePhrase(text), mnemonicPassphrase);
  }

  /** Makes a phrase and unlocks with it. @throws VaultError `AlreadyUnlocked`, `Mnemonic` */
  unlockNew(words = 24): Phrase {
    this.#mustBeLocked();
    const phrase = generatePhrase(words);
    this.#open(phrase, '');
    return phrase;
  }

  #mustBeLocked(): void {
    if (this.#state !== undefined) throw new VaultError('AlreadyUnlocked', 'the vault is unlocked already');
  }

  #open(phrase: Phrase, mnemonicPassphrase: string): void {
    this.#state = { seed: seedOf(phrase, mnemonicPassphrase), phrase, mnemonicPassphrase };
  }

  /** Overwrites what can be overwritten; harmless when locked. */
  lock(): void {
    this.#cache.clear();
    this.#state?.seed.fill(0);
    this.#state = undefined;
  }

  #unlocked(): Unlocked {
    if (this.#state === undefined) throw new VaultError('VaultLocked', 'the vault is locked');
    return this.#state;
  }

  // ── keys ───────────────────────────────────────────────────────────────────────────────────────────────────────

  deriveEd25519(path: string): DerivedKey {
    return this.derive('Ed25519', path);
  }

  deriveEncryptionKey(path: string): DerivedKey {
    return this.derive('Aes256Gcm', path);
  }

  deriveEncryptionKeyForVersion(version: number): DerivedKey {
    return this.derive('Aes256Gcm', encryptionPath(version));
  }

  deriveEthereumKey(path: string = ETHEREUM): DerivedKey {
    return this.derive('Secp256k1', path);
  }

  /** The key is the caller's: its arrays are copies. @throws VaultError `UnsupportedKeyType`, `InvalidPath`, `VaultLocked` */
  derive(keyType: KeyType, path: string): DerivedKey {
    if (!keyTypes.includes(keyType)) {
      throw new VaultError(
        'UnsupportedKeyType',
        `key type: expected one of ${keyTypes.join(', ')}, found ${String(keyType)}`,
      );
    }
    const parsed = parsePath(path);
    if (keyType !== 'Secp256k1' && !parsed.indices.every(isHardened)) {
      throw new VaultError('InvalidPath', `${keyType} keys have hardened indices only, found ${parsed.text}`);
    }
    return new DerivedKey(keyType, parsed.text, this.#raw(keyType, parsed));
  }

  #raw(keyType: KeyType, path: DerivationPath): RawKey {
    const { seed } = this.#unlocked();
    const name = `${keyType} ${path.text}`;
    const cached = this.#cache.get(name);
    if (cached !== undefined) return cached;
    const key = derivations[keyType](seed, path);
    this.#cache.set(name, key);
    return key;
  }

  evictExpired(): void {
    this.#cache.evictExpired();
  }

  // ── cipher ─────────────────────────────────────────────────────────────────────────────────────────────────────

  encrypt(text: string, version: number = CURRENT_KEY_VERSION): EncryptedData {
    const path = parsePath(encryptionPath(version));
    const plaintext = Buffer.from(text, 'utf8');
    const blob = encrypt(this.#raw('Aes256Gcm', path).privateKey, version, plaintext);
    plaintext.fill(0);
    return blob;
  }

  /** @throws VaultError `Encryption`, also for bytes that are not UTF-8 */
  decrypt(blob: unknown): string {
    const bytes = this.decryptBytes(blob);
    try {
      return strictText.decode(bytes);
    } catch {
      throw new VaultError('Encryption', 'decryption failed', 'Decryption');
    } finally {
      bytes.fill(0);
    }
  }

  /** The bytes are the caller's. */
  decryptBytes(blob: unknown): Uint8Array {
    const data = parseEncrypted(blob);
    const path = parsePath(encryptionPath(data.key_version));
    return decrypt(this.#raw('Aes256Gcm', path).privateKey, data);
  }

  /** The same text under the key of another version; the old blob stays valid. */
  rotate(blob: unknown, toVersion: number): EncryptedData {
    encryptionPath(toVersion);
    return this.encrypt(this.decrypt(blob), toVersion);
  }

  // ── for the key store ──────────────────────────────────────────────────────────────────────────────────────────

  /** For `alknet vault export` and for writing `vault.json`, and for nothing else. */
  mnemonic(): Phrase {
    return this.#unlocked().phrase;
  }

  /** The mnemonic passphrase, which takes part in derivation; the vault passphrase of the file is another thing. */
  mnemonicPassphrase(): string {
    return this.#unlocked().mnemonicPassphrase;
  }

  toJSON(): { state: 'locked' | 'unlocked'; seed: '[REDACTED]' } {
    return { state: this.isUnlocked ? 'unlocked' : 'locked', seed: '[REDACTED]' };
  }

  [inspect.custom](): string {
    return `Vault { ${this.isUnlocked ? 'unlocked' : 'locked'}, seed: [REDACTED] }`;
  }
}

/**
 * The phrase from which every key of a node is derived: BIP-39, English. `docs/spec/vault.md` 2.
 *
 * @module
 */

import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { entropyToMnemonic, validateMnemonic } from '@scure/bip39';
import { wordlist } from '@scure/bip39/wordlists/english.js';
import { VaultError } from './errors.ts';

const redacted = '[REDACTED]';
/** Word counts and their bytes of entropy. */
const entropyBytes = new Map([
  [12, 16],
  [15, 20],
  [18, 24],
  [21, 28],
  [24, 32],
]);

/** Shows nothing of itself; its words are given only by `reveal()`. */
export class Phrase {
  readonly #words: string;

  constructor(words: string) {
    this.#words = words;
    Object.freeze(this);
  }

  reveal(): string {
    return this.#words;
  }

  toString(): string {
    return redacted;
  }

  toJSON(): string {
    return redacted;
  }

  [Symbol.toPrimitive](): string {
    return redacted;
  }

  [inspect.custom](): string {
    return `Phrase ${redacted}`;
  }
}

/** @throws VaultError `Mnemonic` */
export function generatePhrase(words = 24): Phrase {
  const bytes = entropyBytes.get(words);
  if (bytes === undefined) {
    throw new VaultError('Mnemonic', `a phrase has 12, 15, 18, 21 or 24 words, not ${words}`, 'Generation');
  }
  const entropy = randomBytes(bytes);
  const phrase = new Phrase(entropyToMnemonic(entropy, wordlist));
  entropy.fill(0);
  return phrase;
}

/** NFKD, lower-case, single spaces, trimmed; every word and the checksum right. @throws VaultError `Mnemonic` */
export function parsePhrase(text: string): Phrase {
  const normal = text.normalize('NFKD').toLowerCase().split(/\s+/).filter(Boolean);
  if (!entropyBytes.has(normal.length)) {
    throw new VaultError(
      'Mnemonic',
      `a phrase has 12, 15, 18, 21 or 24 words, found ${normal.length}`,
      'InvalidPhrase',
    );
  }
  const words = new Set(wordlist);
  const wrong = normal.findIndex((word) => !words.has(word));
  if (wrong !== -1) {
    throw new VaultError(
      'Mnemonic',
      `word ${wrong + 1} of the phrase is not in the BIP-39 English list`,
      'InvalidPhrase',
    );
  }
  const phrase = normal.join(' ');
  if (!validateMnemonic(phrase, wordlist)) {
    throw new VaultError(
      'Mnemonic',
      'the phrase has a wrong checksum: a word is wrong or out of place',
      'InvalidPhrase',
    );
  }
  return new Phrase(phrase);
}

/** 64 bytes. BIP-39: PBKDF2-HMAC-SHA-512, 2048 rounds. */
export function seedOf(phrase: Phrase, mnemonicPassphrase: string): Uint8Array {
  const salt = `mnemonic${mnemonicPassphrase.normalize('NFKD')}`;
  return new Uint8Array(pbkdf2Sync(phrase.reveal(), salt, 2048, 64, 'sha512'));
}

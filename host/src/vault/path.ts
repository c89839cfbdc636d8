/**
 * Derivation paths and what they are for. `docs/spec/vault.md` 5. Pure. These assignments are permanent.
 *
 * @module
 */

import { VaultError } from './errors.ts';

export const IDENTITY = "m/74'/0'/0'/0'";
export const SSH_HOST = "m/74'/0'/1'/0'";
/** Operator identity of the command. */
export const OPERATOR = "m/74'/0'/2'/0'";
/** Stored credentials, key version 2. */
export const ENCRYPTION = "m/74'/2'/0'/0'";
export const MESSAGING = "m/74'/3'/0'/0'";
export const MESSAGING_STATE = "m/74'/3'/1'/0'";
export const ETHEREUM = "m/44'/60'/0'/0/0";

export const CURRENT_KEY_VERSION = 2;

const hardenedBit = 2 ** 31;
const maxLevels = 255;
const grammar = /^m(?:\/[0-9]+['h]?)*$/;

export interface DerivationPath {
  /** With `'` and without leading zeros: what caches and messages use. */
  readonly text: string;
  /** Hardened ones have 2^31 added. */
  readonly indices: readonly number[];
}

/** @throws VaultError `InvalidPath` */
export function parsePath(text: string): DerivationPath {
  if (typeof text !== 'string' || !grammar.test(text)) {
    throw new VaultError(
      'InvalidPath',
      `derivation path: expected m/44'/60'/0'/0/0 or the like, found ${JSON.stringify(text)}`,
    );
  }
  const segments = text.split('/').slice(1);
  if (segments.length > maxLevels) {
    throw new VaultError(
      'InvalidPath',
      `derivation path: ${segments.length} levels, at most ${maxLevels} are possible`,
    );
  }
  const indices = segments.map((segment) => {
    const hardened = /['h]$/.test(segment);
    const index = Number(hardened ? segment.slice(0, -1) : segment);
    if (index >= hardenedBit)
      throw new VaultError('InvalidPath', `derivation path: index ${segment} is not below 2^31`);
    return hardened ? index + hardenedBit : index;
  });
  const canonical = indices.map((index) => (index >= hardenedBit ? `${index - hardenedBit}'` : `${index}`));
  return { text: ['m', ...canonical].join('/'), indices };
}

export function isHardened(index: number): boolean {
  return index >= hardenedBit;
}

/** Path of device n; device 0 is IDENTITY. @throws VaultError `InvalidPath` */
export function devicePath(n: number): string {
  if (!Number.isInteger(n) || n < 0 || n >= hardenedBit) {
    throw new VaultError('InvalidPath', `device: expected an integer from 0 to 2^31-1, found ${n}`);
  }
  return `m/74'/0'/0'/${n}'`;
}

/** 0 and 1 are never used. */
export function isKeyVersion(version: number): boolean {
  return Number.isInteger(version) && version >= 2 && version <= hardenedBit + 1;
}

/** Path of the encryption key of a version. @throws VaultError `InvalidPath` for 0, 1 and above 2^31 + 1 */
export function encryptionPath(version: number): string {
  if (!isKeyVersion(version)) {
    throw new VaultError(
      'InvalidPath',
      `key version: expected an integer from 2 to 2^31+1, found ${version}`,
    );
  }
  return `m/74'/2'/0'/${version - 2}'`;
}

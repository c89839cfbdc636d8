/**
 * Key derivation: SLIP-0010 for Ed25519, BIP-32 for secp256k1. `docs/spec/vault.md` 3 and 4. Pure.
 *
 * @module
 */

import { createHmac } from 'node:crypto';
import { HDKey } from '@scure/bip32';
import { ed25519PublicKey } from './ed25519.ts';
import { VaultError } from './errors.ts';
import { type DerivationPath, isHardened } from './path.ts';

export interface RawKey {
  readonly privateKey: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly chainCode: Uint8Array;
}

/** SLIP-0010: k and c of the path. @throws VaultError `InvalidPath` for an unhardened index */
export function slip10(seed: Uint8Array, path: DerivationPath): { k: Uint8Array; c: Uint8Array } {
  if (!path.indices.every(isHardened)) {
    throw new VaultError('InvalidPath', `Ed25519 keys have hardened indices only, found ${path.text}`);
  }
  let node = createHmac('sha512', 'ed25519 seed').update(seed).digest();
  for (const index of path.indices) {
    const data = Buffer.alloc(37);
    data.set(node.subarray(0, 32), 1);
    data.writeUInt32BE(index, 33);
    const child = createHmac('sha512', node.subarray(32)).update(data).digest();
    node.fill(0);
    data.fill(0);
    node = child;
  }
  const k = new Uint8Array(node.subarray(0, 32));
  const c = new Uint8Array(node.subarray(32));
  node.fill(0);
  return { k, c };
}

export function deriveEd25519(seed: Uint8Array, path: DerivationPath): RawKey {
  const { k, c } = slip10(seed, path);
  return { privateKey: k, publicKey: ed25519PublicKey(k), chainCode: c };
}

/** The SLIP-0010 k of the path, used directly as the AES key. */
export function deriveAes(seed: Uint8Array, path: DerivationPath): RawKey {
  const { k, c } = slip10(seed, path);
  return { privateKey: k, publicKey: new Uint8Array(0), chainCode: c };
}

export function deriveSecp256k1(seed: Uint8Array, path: DerivationPath): RawKey {
  const master = HDKey.fromMasterSeed(seed);
  const node = path.indices.length === 0 ? master : master.derive(path.text);
  const { privateKey, publicKey, chainCode } = node;
  if (privateKey === null || publicKey === null || chainCode === null) {
    throw new VaultError('Derivation', `no secp256k1 key exists at ${path.text}`, 'KeyDerivation');
  }
  const raw = { privateKey: privateKey.slice(), publicKey: publicKey.slice(), chainCode: chainCode.slice() };
  node.wipePrivateData();
  master.wipePrivateData();
  return raw;
}

/**
 * Public keys and signatures that a login may use: Ed25519, ECDSA over the three NIST curves, RSA of 2048 to 8192 bits
 * with SHA-2. `docs/spec/ssh.md` 3.1 and 3.2.
 *
 * @module
 */

import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { ed25519KeyOf } from './ed25519.ts';
import { WireError, WireReader } from './wire.ts';

export interface PublicKey {
  readonly type: string;
  readonly blob: Buffer;
  readonly key: KeyObject;
  /** `ed25519:<hex>` or `ssh-sha256:<hex>`. */
  readonly normal: string;
}

/** The key is of a type, or a size, that is not accepted. */
export class KeyTypeError extends Error {
  override readonly name = 'KeyTypeError';
}

interface Curve {
  readonly name: string;
  readonly jwk: string;
  /** Bytes of a coordinate. */
  readonly size: number;
  readonly hash: string;
}

const curves: Readonly<Record<string, Curve>> = {
  'ecdsa-sha2-nistp256': { name: 'nistp256', jwk: 'P-256', size: 32, hash: 'sha256' },
  'ecdsa-sha2-nistp384': { name: 'nistp384', jwk: 'P-384', size: 48, hash: 'sha384' },
  'ecdsa-sha2-nistp521': { name: 'nistp521', jwk: 'P-521', size: 66, hash: 'sha512' },
};

const rsaBits = { least: 2048, most: 8192 };

/** The form that peer entries, revocations and logs use. */
export function normalForm(blob: Uint8Array): string {
  const key = ed25519KeyOf(blob);
  if (key !== undefined) return `ed25519:${key.toString('hex')}`;
  return `ssh-sha256:${createHash('sha256').update(blob).digest('hex')}`;
}

/** A plain key. @throws KeyTypeError, WireError */
export function parsePublicKey(bytes: Uint8Array): PublicKey {
  const reader = new WireReader(bytes);
  const type = reader.text();
  const key = keyOf(type, reader);
  reader.end();
  const blob = Buffer.from(bytes);
  return { type, blob, key, normal: normalForm(blob) };
}

/** The members of a plain key or, in a certificate, those of the key inside it. */
export function keyOf(type: string, reader: WireReader): KeyObject {
  if (type === 'ssh-ed25519') {
    const x = reader.string();
    if (x.length !== 32) throw new WireError('an Ed25519 key has 32 bytes');
    return jwk({ kty: 'OKP', crv: 'Ed25519', x: x.toString('base64url') });
  }
  if (type === 'ssh-rsa') return rsaKey(reader.unsigned(), reader.unsigned());
  const curve = Object.hasOwn(curves, type) ? curves[type] : undefined;
  if (curve === undefined) throw new KeyTypeError(`key type ${JSON.stringify(type.slice(0, 64))}`);
  const name = reader.text();
  const point = reader.string();
  if (name !== curve.name || point.length !== 1 + 2 * curve.size || point[0] !== 4)
    throw new WireError('not an uncompressed point of its curve');
  const [x, y] = [point.subarray(1, 1 + curve.size), point.subarray(1 + curve.size)];
  return jwk({ kty: 'EC', crv: curve.jwk, x: x.toString('base64url'), y: y.toString('base64url') });
}

function rsaKey(exponent: Buffer, modulus: Buffer): KeyObject {
  const bits = modulus.length * 8 - Math.clz32(modulus[0] ?? 0) + 24;
  if (bits < rsaBits.least || bits > rsaBits.most)
    throw new KeyTypeError(`RSA of ${bits} bits: expected ${rsaBits.least} to ${rsaBits.most}`);
  if (exponent.length > 8 || ((exponent.at(-1) ?? 0) & 1) === 0) throw new WireError('not an RSA exponent');
  return jwk({ kty: 'RSA', e: exponent.toString('base64url'), n: modulus.toString('base64url') });
}

function jwk(key: Record<string, string>): KeyObject {
  try {
    return createPublicKey({ key, format: 'jwk' });
  } catch {
    throw new WireError('not a point of its curve');
  }
}

/** Which algorithm signs with a key of that type. */
export function signatureFits(type: string, algorithm: string): boolean {
  if (type === 'ssh-rsa') return algorithm === 'rsa-sha2-256' || algorithm === 'rsa-sha2-512';
  return type === algorithm;
}

/** A whole signature: algorithm, then the signature itself. */
export function verifySignature(
  key: Pick<PublicKey, 'key' | 'type'>,
  signature: Uint8Array,
  data: Uint8Array,
): boolean {
  try {
    const reader = new WireReader(signature);
    const algorithm = reader.text();
    const value = reader.string();
    reader.end();
    if (!signatureFits(key.type, algorithm)) return false;
    const curve = curves[algorithm];
    return verifyValue(key, algorithm, curve === undefined ? value : pairOf(value, curve), data);
  } catch {
    return false;
  }
}

/** `value` without its algorithm; of ECDSA as r and s of the curve's size each. */
function verifyValue(
  key: { readonly key: KeyObject },
  algorithm: string,
  value: Buffer,
  data: Uint8Array,
): boolean {
  if (algorithm === 'ssh-ed25519') return verify(null, data, key.key, value);
  const curve = curves[algorithm];
  if (curve !== undefined)
    return verify(curve.hash, data, { key: key.key, dsaEncoding: 'ieee-p1363' }, value);
  return verify(algorithm === 'rsa-sha2-512' ? 'sha512' : 'sha256', data, key.key, value);
}

function pairOf(value: Buffer, { size }: Curve): Buffer {
  const reader = new WireReader(value);
  const parts = [reader.unsigned(), reader.unsigned()].map((number) => {
    if (number.length > size) throw new WireError('a number above its curve');
    return Buffer.concat([Buffer.alloc(size - number.length), number]);
  });
  reader.end();
  return Buffer.concat(parts);
}

/** What `ssh2` hands over for a plain key: the value alone, of ECDSA in DER. */
export function verifyStripped(key: PublicKey, algorithm: string, value: Buffer, data: Buffer): boolean {
  try {
    if (!signatureFits(key.type, algorithm)) return false;
    const curve = curves[algorithm];
    if (curve === undefined) return verifyValue(key, algorithm, value, data);
    return verify(curve.hash, data, { key: key.key, dsaEncoding: 'der' }, value);
  } catch {
    return false;
  }
}

/**
 * OpenSSH certificates (PROTOCOL.certkeys, version 01): parsing and the signature of the CA. What a certificate gives is
 * decided in `login/certificate-login.ts`. `docs/spec/ssh.md` 3.4.
 *
 * @module
 */

import type { KeyObject } from 'node:crypto';
import { keyOf, normalForm, type PublicKey, parsePublicKey, verifySignature } from './public-key.ts';
import { WireError, WireReader, wireString } from './wire.ts';

export interface Certificate {
  /** Type of the key inside it. */
  readonly type: string;
  readonly key: KeyObject;
  /** Of the key inside it. */
  readonly normal: string;
  readonly serial: bigint;
  /** 1 for a user, 2 for a host. */
  readonly kind: number;
  readonly keyId: string;
  readonly principals: readonly string[];
  /** Seconds since 1970. */
  readonly validAfter: bigint;
  /** The first second in which it is not valid any more. */
  readonly validBefore: bigint;
  readonly criticalOptions: ReadonlyMap<string, Buffer>;
  readonly extensions: ReadonlySet<string>;
  /** The plain key of the CA. */
  readonly authority: PublicKey;
  readonly isSignatureValid: () => boolean;
}

const suffix = '-cert-v01@openssh.com';

export function isCertificateType(type: string): boolean {
  return type.endsWith(suffix);
}

/** Of an algorithm name: `rsa-sha2-256-cert-v01@openssh.com` signs as `rsa-sha2-256`. */
export function plainAlgorithm(algorithm: string): string {
  return isCertificateType(algorithm) ? algorithm.slice(0, -suffix.length) : algorithm;
}

/** How many public members each type has; they stand one after the other, and make the plain key. */
const members: Readonly<Record<string, number>> = {
  'ssh-ed25519': 1,
  'ssh-rsa': 2,
  'ecdsa-sha2-nistp256': 2,
  'ecdsa-sha2-nistp384': 2,
  'ecdsa-sha2-nistp521': 2,
};

/** @throws WireError, KeyTypeError */
export function parseCertificate(blob: Uint8Array): Certificate {
  const bytes = Buffer.from(blob);
  const reader = new WireReader(bytes);
  const name = reader.text();
  const type = plainAlgorithm(name);
  const count = Object.hasOwn(members, type) ? members[type] : undefined;
  if (!isCertificateType(name) || count === undefined) throw new WireError('no certificate of a known type');
  if (reader.string().length === 0) throw new WireError('no nonce');
  const start = reader.position;
  for (let i = 0; i < count; i++) reader.string();
  const plain = bytes.subarray(start, reader.position);
  const key = keyOf(type, new WireReader(plain));
  const serial = reader.uint64();
  const kind = reader.uint32();
  const keyId = reader.text();
  const principals = texts(reader.string());
  const validAfter = reader.uint64();
  const validBefore = reader.uint64();
  const criticalOptions = pairs(reader.string());
  const extensions = new Set(pairs(reader.string()).keys());
  reader.string(); // reserved
  const authority = parsePublicKey(reader.string());
  const signed = bytes.subarray(0, reader.position);
  const signature = reader.string();
  reader.end();
  return {
    type,
    key,
    normal: normalForm(Buffer.concat([wireString(type), plain])),
    serial,
    kind,
    keyId,
    principals,
    validAfter,
    validBefore,
    criticalOptions,
    extensions,
    authority,
    isSignatureValid: () => verifySignature(authority, signature, signed),
  };
}

function texts(bytes: Buffer): string[] {
  const reader = new WireReader(bytes);
  const list: string[] = [];
  while (!reader.ended) list.push(reader.text());
  return list;
}

/** Names in order, each once. */
function pairs(bytes: Buffer): Map<string, Buffer> {
  const reader = new WireReader(bytes);
  const map = new Map<string, Buffer>();
  while (!reader.ended) {
    const name = reader.text();
    if (map.has(name)) throw new WireError(`${name} stands twice`);
    map.set(name, reader.string());
  }
  return map;
}

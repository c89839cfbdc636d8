/**
 * CAs of user certificates and what has been revoked, as the configuration has them. `docs/spec/ssh.md` 3.4 and 3.5.
 *
 * @module
 */

import { inMilliseconds } from '@alknet/sdk';
import type { SshConfig, UserCaConfig } from '../config.ts';
import { addressMatcher } from '../keys/address-match.ts';
import type { Certificate } from '../keys/certificate.ts';
import { readPlainKey } from '../keys/key-text.ts';

export interface Authority {
  /** Normal form. */
  readonly key: string;
  readonly principals: readonly string[] | undefined;
  readonly scopes: readonly string[];
  readonly resources: Readonly<Record<string, readonly string[]>>;
  readonly mayComeFrom: ((address: string) => boolean) | undefined;
  /** Seconds. */
  readonly maxValidity: bigint | undefined;
}

/** @throws Error that names the entry */
export function readAuthorities(configured: readonly UserCaConfig[]): ReadonlyMap<string, Authority> {
  const authorities = new Map<string, Authority>();
  for (const [index, entry] of configured.entries()) {
    const authority = named(`userCas[${index}]`, () => readAuthority(entry));
    if (authorities.has(authority.key)) throw new Error(`userCas[${index}]: that key stands twice`);
    authorities.set(authority.key, authority);
  }
  return authorities;
}

function readAuthority(entry: UserCaConfig): Authority {
  return {
    key: readPlainKey(entry.key).normal,
    principals: entry.principals,
    scopes: entry.scopes ?? [],
    resources: entry.resources ?? {},
    mayComeFrom: entry.sourceAddress && addressMatcher(entry.sourceAddress),
    maxValidity:
      entry.maxValidity === undefined
        ? undefined
        : BigInt(Math.floor(inMilliseconds(entry.maxValidity) / 1000)),
  };
}

export interface Revocations {
  readonly isKeyRevoked: (normal: string) => boolean;
  readonly isCertificateRevoked: (certificate: Certificate) => boolean;
}

/** `ca` is a normal form, or the line of the key. @throws Error that names the entry */
export function readRevocations(configured: SshConfig['revoked']): Revocations {
  const keys = new Set<string>();
  const certificates = new Set<string>();
  for (const [index, entry] of configured.entries()) {
    if (typeof entry === 'string') keys.add(entry);
    else {
      const ca = named(`revoked[${index}]`, () =>
        /^(ed25519|ssh-sha256):/.test(entry.ca) ? entry.ca : readPlainKey(entry.ca).normal,
      );
      certificates.add('keyId' in entry ? `${ca} id ${entry.keyId}` : `${ca} serial ${BigInt(entry.serial)}`);
    }
  }
  return {
    isKeyRevoked: (normal) => keys.has(normal),
    isCertificateRevoked: ({ normal, serial, keyId, authority: { normal: ca } }) =>
      keys.has(normal) ||
      keys.has(ca) ||
      certificates.has(`${ca} serial ${serial}`) ||
      certificates.has(`${ca} id ${keyId}`),
  };
}

function named<Result>(where: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    throw new Error(`${where}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

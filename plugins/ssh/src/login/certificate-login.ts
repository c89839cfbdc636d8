/**
 * The checks of a user certificate, in the order of `docs/spec/ssh.md` 3.4. The first failure is the reason in the log.
 * Pure.
 *
 * @module
 */

import { addressMatcher } from '../keys/address-match.ts';
import type { Certificate } from '../keys/certificate.ts';
import { WireReader } from '../keys/wire.ts';
import type { Authority, Revocations } from './authority.ts';

export interface CertificateUse {
  readonly user: string;
  readonly address: string | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export type CertificateVerdict =
  | { readonly authority: Authority; readonly command: string | undefined }
  | { readonly reason: string };

export interface Trust {
  readonly authorities: ReadonlyMap<string, Authority>;
  readonly revocations: Revocations;
}

export function judgeCertificate(
  certificate: Certificate,
  { user, address, now }: CertificateUse,
  { authorities, revocations }: Trust,
): CertificateVerdict {
  if (certificate.kind !== 1) return { reason: 'cert_type' };
  const authority = authorities.get(certificate.authority.normal);
  if (authority === undefined) return { reason: 'cert_ca' };
  if (!certificate.isSignatureValid()) return { reason: 'cert_signature' };
  if (!isInTime(certificate, authority, now)) return { reason: 'cert_expired' };
  if (!certificate.principals.includes(user)) return { reason: 'cert_principal' };
  if (authority.principals?.includes(user) === false) return { reason: 'cert_principal' };
  const source = optionText(certificate, 'source-address');
  if (source === null || !mayComeFrom(source, authority, address)) return { reason: 'cert_source' };
  const known = ['force-command', 'source-address'];
  const command = optionText(certificate, 'force-command');
  if (command === null || [...certificate.criticalOptions.keys()].some((name) => !known.includes(name)))
    return { reason: 'cert_option' };
  if (revocations.isCertificateRevoked(certificate)) return { reason: 'revoked' };
  return { authority, command };
}

function isInTime(
  { validAfter, validBefore }: Certificate,
  { maxValidity }: Authority,
  now: number,
): boolean {
  const seconds = BigInt(Math.floor(now / 1000));
  if (seconds < validAfter || seconds >= validBefore) return false;
  return maxValidity === undefined || validBefore - validAfter <= maxValidity;
}

function mayComeFrom(source: string | undefined, authority: Authority, address: string | undefined): boolean {
  if (source === undefined && authority.mayComeFrom === undefined) return true;
  if (address === undefined) return false;
  try {
    return (
      (source === undefined || addressMatcher(source.split(','))(address)) &&
      authority.mayComeFrom?.(address) !== false
    );
  } catch {
    return false;
  }
}

/** The text inside an option; `null` when it is malformed. */
function optionText({ criticalOptions }: Certificate, name: string): string | undefined | null {
  const data = criticalOptions.get(name);
  if (data === undefined) return undefined;
  try {
    const reader = new WireReader(data);
    const text = reader.text();
    reader.end();
    return text;
  } catch {
    return null;
  }
}

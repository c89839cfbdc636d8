/**
 * Whether a server that was dialled is the right one. `docs/spec/identity.md` 10.
 *
 * @module
 */

import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate, rootCertificates } from 'node:tls';
import { DialError } from '../endpoint/dial-error.ts';
import { certificateFingerprint, ed25519KeyOf } from './fingerprint.ts';

export interface ServerExpectation {
  /** Fingerprints in normal form; empty: certificate authorities and `name`. */
  readonly pins: readonly string[];
  /** Host name or IP address that was dialled. */
  readonly name: string;
  /** PEM bundle beside the system's roots. */
  readonly ca?: string | undefined;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** A function that throws a DialError for a chain (DER, leaf first, its key proven) that must not be trusted. */
export function serverVerifier(expectation: ServerExpectation): (chain: readonly Uint8Array[]) => void {
  const { pins, name } = expectation;
  return (chain) => {
    const [leaf] = chain;
    if (leaf === undefined) throw new DialError('NoRemoteCertificate', `${name}: the server showed no certificate`);
    const shown = certificateFingerprint(leaf);
    if (pins.length === 0) return verifyChain(chain, shown, expectation);
    if (pins.includes(shown)) return;
    // A pin of the certificate holds for an Ed25519 one too, whose fingerprint is that of its key.
    throw new DialError('PeerMismatch', `${name}: expected key ${pins.join(' or ')}, the server proved ${shown}`);
  };
}

function verifyChain(chain: readonly Uint8Array[], shown: string, { name, ca, now = Date.now }: ServerExpectation): void {
  const fault = chainFault(chain, name, ca, now());
  if (fault === undefined) return;
  const [leaf] = chain;
  if (leaf !== undefined && ed25519KeyOf(leaf) !== undefined) {
    throw new DialError('UnknownIdentity', `${name}: no key is known for it, and it showed ${shown}; compare it with the node's own, then give it as ${name}#${shown}`);
  }
  throw new DialError('UntrustedChain', `${name}: ${fault}; the server showed ${shown}`);
}

/** Certificates between leaf and root. */
const maxIntermediates = 8;

function chainFault(chain: readonly Uint8Array[], name: string, ca: string | undefined, now: number): string | undefined {
  const certificates = chain.slice(0, maxIntermediates + 1).map((der) => new X509Certificate(der));
  const [leaf, ...others] = certificates;
  if (leaf === undefined) return 'no certificate';
  const wrongName = checkServerIdentity(name, leaf.toLegacyObject() as PeerCertificate);
  if (wrongName !== undefined && !(isIP(name) !== 0 && leaf.checkIP(name) !== undefined)) return wrongName.message;
  const roots = trustedRoots(ca);
  let current = leaf;
  const left = new Set(others);
  for (;;) {
    const dates = dateFault(current, now);
    if (dates !== undefined) return dates;
    const issuedBy = (issuer: X509Certificate) => current.checkIssued(issuer) && current.verify(issuer.publicKey);
    const root = roots.find(issuedBy);
    if (root !== undefined) return dateFault(root, now);
    const next = [...left].find((candidate) => candidate.ca && issuedBy(candidate));
    if (next === undefined) return `the chain of ${leaf.subject.replaceAll('\n', ', ')} leads to no trusted authority`;
    left.delete(next);
    current = next;
  }
}

function dateFault({ validFrom, validTo, subject }: X509Certificate, now: number): string | undefined {
  const name = subject.replaceAll('\n', ', ');
  if (now < Date.parse(validFrom)) return `the certificate of ${name} is not valid before ${validFrom}`;
  return now > Date.parse(validTo) ? `the certificate of ${name} expired at ${validTo}` : undefined;
}

let systemRoots: readonly X509Certificate[] | undefined;

function trustedRoots(ca: string | undefined): readonly X509Certificate[] {
  systemRoots ??= rootCertificates.map((pem) => new X509Certificate(pem));
  if (ca === undefined) return systemRoots;
  const own = ca.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  return [...systemRoots, ...own.map((pem) => new X509Certificate(pem))];
}

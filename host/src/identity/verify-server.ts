/**
 * Whether a server that was dialled is the right one. `docs/spec/identity.md` 10.
 *
 * @module
 */

import { X509Certificate } from 'node:crypto';
import { DialError } from '../endpoint/dial-error.ts';
import { chainFault } from './chain.ts';
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

/** The authorities of `tls.ca` cannot be used. */
export class VerifierBuildError extends Error {
  override readonly name = 'VerifierBuildError';
  readonly code = 'VerifierBuild';
}

/** A function that throws a DialError for a chain (DER, leaf first, its key proven) that must not be trusted. */
export function serverVerifier(expectation: ServerExpectation): (chain: readonly Uint8Array[]) => void {
  const { pins, name } = expectation;
  return (chain) => {
    const [leaf] = chain;
    if (leaf === undefined)
      throw new DialError('NoRemoteCertificate', `${name}: the server showed no certificate`);
    const shown = certificateFingerprint(leaf);
    // A held fingerprint decides alone: no chain, name or date makes good for another key, or spoils the right one.
    if (pins.length > 0) {
      if (pins.includes(shown)) return;
      throw new DialError(
        'PeerMismatch',
        `${name}: expected key ${pins.join(' or ')}, the server proved ${shown}`,
      );
    }
    const { ca, now = Date.now } = expectation;
    const fault = chainFault(chain, { name, roots: trustedRoots(ca), now: now() });
    if (fault === undefined) return;
    if (ed25519KeyOf(leaf) !== undefined) {
      throw new DialError(
        'UnknownIdentity',
        `${name}: no key is known for it, and it showed ${shown}; compare it with the node's own, then give it as ${name}#${shown}`,
      );
    }
    throw new DialError('UntrustedChain', `${name}: ${fault}; the server showed ${shown}`);
  };
}

let systemRoots: readonly X509Certificate[] | undefined;

function trustedRoots(ca: string | undefined): readonly X509Certificate[] {
  // Not imported: with a pin they are not needed, and loading TLS takes longer than most of what dials.
  systemRoots ??= process
    .getBuiltinModule('node:tls')
    .rootCertificates.map((pem) => new X509Certificate(pem));
  return ca === undefined ? systemRoots : [...systemRoots, ...parseAuthorities(ca)];
}

/** The certificates of a PEM bundle. @throws VerifierBuildError */
export function parseAuthorities(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw new VerifierBuildError('tls.ca: expected certificates in PEM, found none');
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch {
      throw new VerifierBuildError(`tls.ca: certificate ${index + 1} of the bundle is damaged`);
    }
  });
}

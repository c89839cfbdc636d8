/**
 * What endpoint and registry ask of identity: certificates to show, keys to their peers, servers to be checked.
 *
 * @module
 */

import type { Identity, RemoteAddress } from '@alknet/sdk';
import { acmeAlpn, isHttpAlpn } from '../endpoint/alpn.ts';
import type { Certificate, ClientHello } from '../endpoint/engine.ts';
import type { Identities as EndpointIdentities, ServerCheck } from '../endpoint/owner.ts';
import { freshCertificate, type IdentityKey, identityCertificate } from './certificate.ts';
import { certificateFingerprint, ed25519Fingerprint } from './fingerprint.ts';
import type { PeerTable } from './peer-table.ts';
import { serverVerifier } from './verify-server.ts';
import type { WebCertificate } from './web-certificate.ts';

export interface NodeIdentitiesOptions {
  /** `null`: a caller without identity. */
  readonly key: IdentityKey | null;
  readonly peers: PeerTable;
  /** PEM bundle of `tls.ca`, read at each use. */
  readonly ca: () => string | undefined;
  /** For browsers; absent: none, and they are shown the one of the identity, which they do not take. */
  readonly browser?: Certificate;
  /** Certificate of `tls.cert`, read at each use. */
  readonly file?: () => WebCertificate | undefined;
  readonly acme?: AcmeNames;
}

/** What ACME has for a server name, read at each use. */
export interface AcmeNames {
  certificateFor(serverName: string): Certificate | undefined;
  challengeFor(serverName: string): Certificate | undefined;
}

export class NodeIdentities implements EndpointIdentities {
  readonly ownCertificate: Certificate | null;
  /** `ed25519:…` of the own key; empty without one. */
  readonly fingerprint: string;
  readonly #options: NodeIdentitiesOptions;
  #fresh: Certificate | undefined;

  constructor(options: NodeIdentitiesOptions) {
    this.#options = options;
    this.ownCertificate = options.key && identityCertificate(options.key);
    this.fingerprint = options.key === null ? '' : ed25519Fingerprint(options.key.publicKey);
  }

  fingerprintOf(certificate: Uint8Array): string {
    return certificateFingerprint(certificate);
  }

  resolveFingerprint(fingerprint: string): Identity | undefined {
    return this.#options.peers.resolveFingerprint(fingerprint);
  }

  isGivenOut(identity: Identity): boolean {
    return this.#options.peers.isGivenOut(identity);
  }

  /** The rows 1 to 4, 6 and 7 of `docs/spec/identity.md` 7.1. */
  certificateFor(
    { alpns, serverName, lacksEd25519 }: ClientHello,
    local: RemoteAddress,
  ): Certificate | undefined {
    const { acme, browser } = this.#options;
    if (alpns.length === 1 && alpns[0] === acmeAlpn)
      return serverName === null ? undefined : acme?.challengeFor(serverName);
    const isHttp = alpns.every(isHttpAlpn);
    const file = this.#options.file?.();
    if (serverName !== null) {
      if (file?.coversName(serverName) === true) return file;
      const issued = acme?.certificateFor(serverName);
      if (issued !== undefined) return issued;
    } else if (isHttp && file?.coversAddress(local.address) === true) return file;
    if (browser !== undefined && lacksEd25519 === true && isHttp) return browser;
    return this.ownCertificate ?? undefined;
  }

  /** One a process: its only purpose is that QUIC servers demand one. */
  freshCertificate(): Certificate {
    this.#fresh ??= freshCertificate();
    return this.#fresh;
  }

  verifyServer({ pins, name }: ServerCheck): (chain: readonly Uint8Array[]) => void {
    return serverVerifier({ pins, name, ca: this.#options.ca() });
  }
}

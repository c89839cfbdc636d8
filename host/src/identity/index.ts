/**
 * Who a node is, who its peers are, and how each proves it. `docs/spec/identity.md`.
 *
 * @module
 */

export { browserCertificate, makeBrowserCertificate } from './browser-certificate.ts';
export {
  freshCertificate,
  type IdentityKey,
  identityCertificate,
  identityCertificateDer,
  identityKey,
} from './certificate.ts';
export { challengeCertificate } from './challenge-certificate.ts';
export * from './fingerprint.ts';
export { NodeIdentities } from './node-identities.ts';
export * from './operator-key.ts';
export * from './peer-edits.ts';
export { isTime, type PeerEntry, PeersFormatError, parsePeers, peerIdFault } from './peer-entry.ts';
export { type PeerChange, type PeerLoss, PeerTable } from './peer-table.ts';
export * from './peers-file.ts';
export { isToken, makeToken, tokenHash } from './token.ts';
export {
  parseAuthorities,
  type ServerExpectation,
  serverVerifier,
  VerifierBuildError,
} from './verify-server.ts';
export { CertLoadError, type WebCertificate, webCertificate } from './web-certificate.ts';
export { fingerprintToZBase32, toZBase32 } from './z-base-32.ts';

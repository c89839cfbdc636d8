/** What both TLS libraries sign with and accept: `ed25519` only when it is named. `docs/spec/identity.md` 9. */
export const signatureSchemes = [
  'ed25519',
  'ecdsa_secp256r1_sha256',
  'ecdsa_secp384r1_sha384',
  'rsa_pss_rsae_sha256',
  'rsa_pss_rsae_sha384',
  'rsa_pss_rsae_sha512',
].join(':');

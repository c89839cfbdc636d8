/**
 * Named secrets and keys that the operator granted. `docs/spec/vault.md` 12.
 *
 * @module
 */

/** An Ed25519 or secp256k1 pair handed over by a key capability. */
export interface KeyPair {
  readonly privateKey: Uint8Array;
  readonly publicKey: Uint8Array;
}

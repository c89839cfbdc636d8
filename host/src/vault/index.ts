/**
 * One mnemonic from which every key of a node is derived, and the files that keep it. Imports nothing else of alknet.
 *
 * @module
 */

export { type EncryptedData, parseEncrypted } from './cipher.ts';
export { DerivedKey, type KeyType } from './derived-key.ts';
export { ed25519PrivateKey, ed25519PublicKey } from './ed25519.ts';
export { VaultError, type VaultErrorCode, type VaultErrorKind } from './errors.ts';
export { readSecretFile, syncDirectory, writeSecretFile } from './files.ts';
export { LockBusy, withLock } from './lock-file.ts';
export { Phrase } from './mnemonic.ts';
export * from './path.ts';
export * from './secrets-file.ts';
export { readPassphraseFile, type UnlockOptions, unlockVault } from './unlock.ts';
export { Vault } from './vault.ts';
export * from './vault-file.ts';
export { type Kdf, type Protection, parseVaultFile, type VaultFile } from './vault-format.ts';

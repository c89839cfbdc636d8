export type VaultErrorCode =
  | 'VaultLocked'
  | 'AlreadyUnlocked'
  | 'Mnemonic'
  | 'InvalidPath'
  | 'UnsupportedKeyType'
  | 'Derivation'
  | 'Encryption'
  | 'VaultMissing'
  | 'VaultExists'
  | 'VaultFormat'
  | 'UnlockFailed'
  | 'NoUnlockSource'
  | 'FilePermissions'
  | 'SecretName'
  | 'SecretMissing'
  | 'SecretValue'
  | 'SecretsFormat'
  | 'SecretsBusy';

export type VaultErrorKind =
  | 'Generation'
  | 'InvalidPhrase'
  | 'KeyDerivation'
  | 'Redacted'
  | 'Encryption'
  | 'Decryption'
  | 'Decoding';

/** Never holds a phrase, key, passphrase or plaintext, and never crosses a wire. `docs/spec/vault.md` 8. */
export class VaultError extends Error {
  readonly code: VaultErrorCode;
  readonly kind?: VaultErrorKind;

  constructor(code: VaultErrorCode, message: string, kind?: VaultErrorKind) {
    super(message);
    this.name = 'VaultError';
    this.code = code;
    if (kind !== undefined) this.kind = kind;
  }
}

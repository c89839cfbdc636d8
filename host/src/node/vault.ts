/**
 * The vault of the running node: opened at its start, locked and unlocked while it runs. `docs/spec/vault.md` 10.
 *
 * @module
 */

import { type IdentityKey, identityKey } from '../identity/index.ts';
import {
  IDENTITY,
  openVaultFile,
  readUnlockKey,
  readVaultFile,
  type UnlockOptions,
  unlockVault,
  type Vault,
  VaultError,
  type VaultFile,
} from '../vault/index.ts';

type OpenOptions = Omit<UnlockOptions, 'vault'>;

export class NodeVault {
  readonly #dataDir: string;
  readonly #warn: OpenOptions['warn'];
  readonly vault: Vault;
  #file: VaultFile;

  private constructor({ dataDir, warn }: OpenOptions, vault: Vault, file: VaultFile) {
    this.#dataDir = dataDir;
    this.#warn = warn;
    this.vault = vault;
    this.#file = file;
  }

  /** @throws VaultError */
  static async open(options: OpenOptions): Promise<NodeVault> {
    const file = await readVaultFile(options.dataDir, options.warn);
    return new NodeVault(options, await unlockVault(options), file);
  }

  /** Of the node, as the file states it: `ed25519:<hex>`. */
  get id(): string {
    return this.#file.identity;
  }

  /** @throws VaultError when it is locked */
  identityKey(): IdentityKey {
    using derived = this.vault.deriveEd25519(IDENTITY);
    return identityKey(derived.privateKey);
  }

  state(): { state: 'locked' | 'unlocked'; protection: string } {
    return { state: this.vault.isUnlocked ? 'unlocked' : 'locked', protection: this.#file.protection };
  }

  lock(): void {
    this.vault.lock();
  }

  /** With the file as it is now; a passphrase is of use when it has one. @throws VaultError */
  async unlock(passphrase: string | undefined): Promise<void> {
    if (this.vault.isUnlocked) throw new VaultError('AlreadyUnlocked', 'the vault is unlocked already');
    const file = await readVaultFile(this.#dataDir, this.#warn);
    const opened = await openVaultFile(
      file,
      file.protection === 'keyfile' ? await readUnlockKey(this.#dataDir, this.#warn) : (passphrase ?? ''),
    );
    this.vault.unlock(opened.mnemonic().reveal(), opened.mnemonicPassphrase());
    opened.lock();
  }

  /** Looks at the protection of the file as it is now; the keys in use stay. */
  async reload(): Promise<void> {
    this.#file = await readVaultFile(this.#dataDir, this.#warn).catch(() => this.#file);
  }
}

/**
 * Where the passphrase of a vault comes from. The source is chosen once; a failure of one that was named is final.
 * `docs/spec/vault.md` 10.
 *
 * @module
 */

import { type FileHandle, lstat, open } from 'node:fs/promises';
import { join } from 'node:path';
import { VaultError } from './errors.ts';
import { withoutFinalNewline } from './text.ts';
import type { Vault } from './vault.ts';
import { openVaultFile, readUnlockKey, readVaultFile } from './vault-file.ts';

export interface UnlockOptions {
  readonly dataDir: string;
  /** `--passphrase-file` */
  readonly passphraseFile?: string | undefined;
  /** `$CREDENTIALS_DIRECTORY` of systemd. */
  readonly credentialsDirectory?: string | undefined;
  /** Asks without echo; absent when there is no terminal. `attempt` counts from 1. */
  readonly prompt?: ((attempt: number) => Promise<string>) | undefined;
  readonly warn: (message: string) => void;
  /** A locked handle to be unlocked; a new one when absent. */
  readonly vault?: Vault | undefined;
}

const attempts = 3;

/** @throws VaultError `VaultMissing`, `VaultFormat`, `UnlockFailed`, `NoUnlockSource`, `FilePermissions` */
export async function unlockVault(options: UnlockOptions): Promise<Vault> {
  const { dataDir, passphraseFile, credentialsDirectory, prompt, warn, vault } = options;
  const file = await readVaultFile(dataDir, warn);
  if (file.protection === 'keyfile') {
    if (passphraseFile !== undefined)
      warn('the vault is protected by vault.key; the given passphrase is ignored');
    return await openVaultFile(file, await readUnlockKey(dataDir, warn), vault);
  }
  const credential = credentialsDirectory && join(credentialsDirectory, 'alknet-passphrase');
  const path = passphraseFile ?? (credential && (await exists(credential)) ? credential : undefined);
  if (path !== undefined) {
    const passphrase = await readPassphraseFile(path, warn);
    return await openVaultFile(file, passphrase, vault).catch((error: unknown) => {
      throw error instanceof VaultError ? new VaultError(error.code, `${path}: ${error.message}`) : error;
    });
  }
  if (prompt === undefined) {
    throw new VaultError(
      'NoUnlockSource',
      'the vault has a passphrase and nothing to read it from: give --passphrase-file PATH, a systemd credential named ' +
        'alknet-passphrase, a terminal to ask on, or store an unlock key on disk with: alknet vault rotate --none',
    );
  }
  for (let attempt = 1; ; attempt++) {
    try {
      return await openVaultFile(file, await prompt(attempt), vault);
    } catch (error) {
      if (!(error instanceof VaultError) || error.code !== 'UnlockFailed' || attempt === attempts)
        throw error;
    }
  }
}

/** UTF-8; one final newline removed. @throws VaultError `UnlockFailed`, `FilePermissions` */
export async function readPassphraseFile(path: string, warn: (message: string) => void): Promise<string> {
  let handle: FileHandle | undefined;
  let bytes: Buffer;
  try {
    handle = await open(path, 'r');
    const { mode } = await handle.stat();
    if ((mode & 0o007) !== 0) {
      throw new VaultError(
        'FilePermissions',
        `${path}: every user of this machine has rights on it; try: chmod 600 ${path}`,
      );
    }
    if ((mode & 0o070) !== 0) warn(`${path}: its group has rights on this passphrase; mode 600 is safer`);
    bytes = await handle.readFile();
  } catch (error) {
    if (error instanceof VaultError) throw error;
    const { code = 'error' } = error as NodeJS.ErrnoException;
    throw new VaultError('UnlockFailed', `${path}: cannot be read (${code})`);
  } finally {
    await handle?.close();
  }
  const text = withoutFinalNewline(bytes);
  bytes.fill(0);
  if (text === undefined) throw new VaultError('UnlockFailed', `${path}: the passphrase is not UTF-8 text`);
  if (text === '') throw new VaultError('UnlockFailed', `${path}: the passphrase is empty`);
  return text;
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

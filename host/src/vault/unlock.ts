/**
 * Where the passphrase of a vault comes from. The source is chosen once; a failure of one that was named is final.
 * `docs/spec/vault.md` 10.
 *
 * @module
 */

import { lstat, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { VaultError } from './errors.ts';
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
}

const attempts = 3;

/** @throws VaultError `VaultMissing`, `VaultFormat`, `UnlockFailed`, `NoUnlockSource`, `FilePermissions` */
export async function unlockVault(options: UnlockOptions): Promise<Vault> {
  const { dataDir, passphraseFile, credentialsDirectory, prompt, warn } = options;
  const file = await readVaultFile(dataDir, warn);
  if (file.protection === 'keyfile') {
    if (passphraseFile !== undefined) warn('the vault is protected by vault.key; the given passphrase is ignored');
    return await openVaultFile(file, await readUnlockKey(dataDir, warn));
  }
  const credential = credentialsDirectory && join(credentialsDirectory, 'alknet-passphrase');
  const path = passphraseFile ?? (credential && (await exists(credential)) ? credential : undefined);
  if (path !== undefined) {
    const passphrase = await readPassphraseFile(path, warn);
    return await openVaultFile(file, passphrase).catch((error: unknown) => {
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
      return await openVaultFile(file, await prompt(attempt));
    } catch (error) {
      if (!(error instanceof VaultError) || error.code !== 'UnlockFailed' || attempt === attempts) throw error;
    }
  }
}

/** One final newline removed. @throws VaultError `UnlockFailed`, `FilePermissions` */
export async function readPassphraseFile(path: string, warn: (message: string) => void): Promise<string> {
  let bytes: Buffer;
  let mode: number;
  try {
    ({ mode } = await stat(path));
    bytes = await readFile(path);
  } catch (error) {
    throw new VaultError('UnlockFailed', `${path}: cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'})`);
  }
  if ((mode & 0o007) !== 0) {
    throw new VaultError('FilePermissions', `${path}: every user of this machine may read it; try: chmod 600 ${path}`);
  }
  if ((mode & 0o070) !== 0) warn(`${path}: its group may read this passphrase; mode 600 is safer`);
  const text = bytes.toString('utf8').replace(/\r?\n$/, '');
  bytes.fill(0);
  if (text === '') throw new VaultError('UnlockFailed', `${path}: the passphrase is empty`);
  return text;
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

/**
 * Named secrets: `secrets.json`, each value encrypted by the vault. `docs/spec/vault.md` 11.
 *
 * @module
 */

import { join } from 'node:path';
import { type EncryptedData, parseEncrypted } from './cipher.ts';
import { VaultError } from './errors.ts';
import { readSecretFile, writeSecretFile } from './files.ts';
import { LockBusy, withLock } from './lock-file.ts';
import { CURRENT_KEY_VERSION, encryptionPath, isKeyVersion } from './path.ts';
import { withoutFinalNewline } from './text.ts';
import type { Vault } from './vault.ts';

export interface SecretEntry {
  readonly value: EncryptedData;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface SecretsFile {
  readonly format: 'alknet-secrets';
  readonly version: 1;
  /** Of new values. */
  readonly keyVersion: number;
  readonly secrets: Readonly<Record<string, SecretEntry>>;
}

/** What a listing shows: never a value. */
export interface SecretRow {
  readonly name: string;
  readonly keyVersion: number;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export const maxSecretBytes = 64 * 1024;
export const maxSecrets = 10_000;
/** Names of derived keys that are granted like secrets. */
export const keyCapabilityNames = ['ssh.hostKey', 'identity.sign', 'device.key', 'ethereum.key', 'msg.keys'];

export const secretsPath = (dataDir: string) => join(dataDir, 'secrets.json');

/** @throws VaultError `SecretName` */
export function checkSecretName(name: string): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) {
    throw new VaultError(
      'SecretName',
      `secret name: expected [A-Za-z0-9][A-Za-z0-9._-]{0,63}, found ${JSON.stringify(name.slice(0, 80))}`,
    );
  }
  if (keyCapabilityNames.includes(name))
    throw new VaultError('SecretName', `${name} is a key capability, no secret can have its name`);
}

/** No file: no secrets. @throws VaultError `SecretsFormat` */
export async function readSecrets(dataDir: string, warn: (message: string) => void): Promise<SecretsFile> {
  const text = await readSecretFile(secretsPath(dataDir), warn);
  if (text === undefined)
    return { format: 'alknet-secrets', version: 1, keyVersion: CURRENT_KEY_VERSION, secrets: {} };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw format('it is not JSON');
  }
  return parseSecrets(value);
}

export function parseSecrets(value: unknown): SecretsFile {
  if (typeof value !== 'object' || value === null) throw format('expected an object');
  const { format: kind, version, keyVersion, secrets } = value as Record<string, unknown>;
  if (kind !== 'alknet-secrets' || version !== 1)
    throw format('expected format "alknet-secrets" and version 1');
  if (typeof keyVersion !== 'number' || !isKeyVersion(keyVersion)) {
    throw format('keyVersion: expected an integer from 2 to 2^31+1');
  }
  if (typeof secrets !== 'object' || secrets === null || Array.isArray(secrets)) {
    throw format('secrets: expected an object');
  }
  const entries = Object.entries(secrets);
  if (entries.length > maxSecrets)
    throw format(`${entries.length} secrets, at most ${maxSecrets} are possible`);
  for (const [name, entry] of entries) checkEntry(name, entry);
  return value as SecretsFile;
}

function checkEntry(name: string, entry: unknown): void {
  try {
    checkSecretName(name);
    if (typeof entry !== 'object' || entry === null) throw new TypeError('expected an object');
    const { value, createdAt, updatedAt } = entry as Record<string, unknown>;
    const { key_version } = parseEncrypted(value);
    if (!isKeyVersion(key_version)) throw new TypeError('key_version: expected an integer from 2 to 2^31+1');
    if (typeof createdAt !== 'string' || typeof updatedAt !== 'string') {
      throw new TypeError('createdAt, updatedAt: expected times');
    }
  } catch (error) {
    throw format(
      `${JSON.stringify(name.slice(0, 80))}: ${error instanceof Error ? error.message : 'malformed'}`,
    );
  }
}

function format(text: string): VaultError {
  return new VaultError('SecretsFormat', `secrets.json: ${text}`);
}

export async function listSecrets(dataDir: string, warn: (message: string) => void): Promise<SecretRow[]> {
  const { secrets } = await readSecrets(dataDir, warn);
  return Object.entries(secrets)
    .map(([name, { value, createdAt, updatedAt }]) => ({
      name,
      keyVersion: value.key_version,
      createdAt,
      updatedAt,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The value in the bytes of a file or pipe: UTF-8, one final newline removed. @throws VaultError `SecretValue` */
export function secretText(bytes: Uint8Array): string {
  const text = withoutFinalNewline(bytes);
  if (text === undefined) throw new VaultError('SecretValue', 'a secret is UTF-8 text, found other bytes');
  checkSecretValue(text);
  return text;
}

function checkSecretValue(value: string): void {
  const bytes = Buffer.byteLength(value);
  if (bytes === 0 || bytes > maxSecretBytes) {
    throw new VaultError('SecretValue', `a secret has 1 byte to 64 KiB, found ${bytes} bytes`);
  }
  // A half of a surrogate pair has no UTF-8 form and would come back as another character.
  if (/\p{Surrogate}/u.test(value))
    throw new VaultError('SecretValue', 'a secret is UTF-8 text, found half a character');
}

/** @throws VaultError `SecretName`, `SecretValue`, `SecretsBusy`, `VaultLocked` */
export async function setSecret(
  dataDir: string,
  vault: Vault,
  name: string,
  value: string,
  warn: (m: string) => void,
): Promise<void> {
  checkSecretName(name);
  checkSecretValue(value);
  await change(dataDir, warn, (file) => {
    const now = new Date().toISOString();
    const old = Object.hasOwn(file.secrets, name) ? file.secrets[name] : undefined;
    if (old === undefined && Object.keys(file.secrets).length >= maxSecrets) {
      throw new VaultError('SecretValue', `a node holds at most ${maxSecrets} secrets`);
    }
    const entry = {
      value: vault.encrypt(value, file.keyVersion),
      createdAt: old?.createdAt ?? now,
      updatedAt: now,
    };
    return { ...file, secrets: { ...file.secrets, [name]: entry } };
  });
}

/** @throws VaultError `SecretMissing` */
export async function removeSecret(dataDir: string, name: string, warn: (m: string) => void): Promise<void> {
  await change(dataDir, warn, (file) => {
    if (!Object.hasOwn(file.secrets, name)) throw missing(name);
    const { [name]: _gone, ...secrets } = file.secrets;
    return { ...file, secrets };
  });
}

/** Re-encrypts every value under the next key version, or under `to`, in one write. */
export async function rotateSecrets(
  dataDir: string,
  vault: Vault,
  to: number | undefined,
  warn: (m: string) => void,
): Promise<number> {
  let version = 0;
  await change(dataDir, warn, (file) => {
    version = to ?? file.keyVersion + 1;
    encryptionPath(version);
    if (version <= file.keyVersion) {
      throw new VaultError(
        'InvalidPath',
        `key version: expected more than ${file.keyVersion}, found ${version}`,
      );
    }
    const now = new Date().toISOString();
    const secrets = Object.fromEntries(
      Object.entries(file.secrets).map(([name, entry]) => [
        name,
        { ...entry, value: vault.rotate(entry.value, version), updatedAt: now },
      ]),
    );
    return { ...file, keyVersion: version, secrets };
  });
  return version;
}

/** The value of a secret. @throws VaultError `SecretMissing`, `VaultLocked`, `Encryption` */
export function openSecret(file: SecretsFile, vault: Vault, name: string): string {
  const entry = Object.hasOwn(file.secrets, name) ? file.secrets[name] : undefined;
  if (entry === undefined) throw missing(name);
  return vault.decrypt(entry.value);
}

function missing(name: string): VaultError {
  return new VaultError(
    'SecretMissing',
    `there is no secret ${name}; set it with: alknet secret set ${name}`,
  );
}

async function change(
  dataDir: string,
  warn: (m: string) => void,
  edit: (file: SecretsFile) => SecretsFile,
): Promise<void> {
  try {
    await withLock(`${secretsPath(dataDir)}.lock`, async () => {
      const next = edit(await readSecrets(dataDir, warn));
      await writeSecretFile(secretsPath(dataDir), `${JSON.stringify(next, null, 2)}\n`);
    });
  } catch (error) {
    if (error instanceof LockBusy) throw new VaultError('SecretsBusy', `${error.message}; try again`);
    throw error;
  }
}

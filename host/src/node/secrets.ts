/**
 * Secrets and keys of the running node: the file as it is in use, and what each plugin gets of it.
 * `docs/spec/vault.md` 11 and 12.
 *
 * @module
 */

import { sign } from 'node:crypto';
import { Capabilities, type KeyCapabilities, type KeyPair, type Log } from '@alknet/sdk';
import { type IdentityKey, identityKey } from '../identity/index.ts';
import {
  devicePath,
  IDENTITY,
  openSecret,
  readSecrets,
  type SecretsFile,
  SSH_HOST,
  type Vault,
  VaultError,
} from '../vault/index.ts';

/** Key capabilities that exist in the node; `msg.keys` is only for the process of the `msg` command. */
const nodeKeys = ['ssh.hostKey', 'identity.sign', 'device.key', 'ethereum.key'] as const;
type NodeKey = (typeof nodeKeys)[number];

/** `<plugin name>/`, one or more of `[a-z0-9/-]`, NUL. */
function hasPurpose(plugin: string, bytes: Uint8Array): boolean {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 256)).toString('latin1');
  return new RegExp(`^${plugin}/[a-z0-9/-]+\\0`).test(head);
}

export class NodeSecrets {
  readonly #dataDir: string;
  readonly #vault: Vault;
  readonly #log: Log;
  #file: SecretsFile = { format: 'alknet-secrets', version: 1, keyVersion: 2, secrets: {} };
  #identity: IdentityKey | undefined;
  readonly #values = new Map<string, string>();
  /** Why the file on disk is not in use. */
  problem: string | undefined;

  constructor(dataDir: string, vault: Vault, log: Log) {
    this.#dataDir = dataDir;
    this.#vault = vault;
    this.#log = log;
  }

  /** @throws VaultError */
  async load(): Promise<void> {
    this.#file = await this.#read();
  }

  #read(): Promise<SecretsFile> {
    return readSecrets(this.#dataDir, (message) => this.#log.warn('file permissions', { message }));
  }

  /** Takes the file as it is now; `false` when it is refused or the same. */
  async reload(): Promise<boolean> {
    try {
      const next = await this.#read();
      if (JSON.stringify(next) === JSON.stringify(this.#file)) return false;
      if (!this.#vault.isUnlocked)
        throw new VaultError(
          'VaultLocked',
          'restart required: the vault is locked, and secrets.json has changed',
        );
      this.#file = next;
      this.#values.clear();
      this.problem = undefined;
      this.#log.info('secrets reloaded', { secrets: Object.keys(next.secrets).length });
      return true;
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
      this.#log.error('secrets refused', { message: this.problem });
      return false;
    }
  }

  /** What a plugin was granted, by name. @throws VaultError naming the secret */
  capabilities(plugin: string, names: readonly string[]): Capabilities {
    const keys: { -readonly [Name in NodeKey]?: KeyCapabilities[Name] } = {};
    const secrets: string[] = [];
    for (const name of names) {
      if (name === 'ssh.hostKey') keys[name] = this.#pair(SSH_HOST);
      else if (name === 'identity.sign') keys[name] = this.#signer(plugin);
      else if (name === 'device.key') keys[name] = (n) => this.#device(n);
      else if (name === 'ethereum.key') keys[name] = this.#ethereum();
      else secrets.push(name);
    }
    let capabilities = new Capabilities(keys);
    for (const name of secrets) {
      const next = capabilities.withApiKey(name, openSecret(this.#file, this.#vault, name));
      capabilities.dispose();
      capabilities = next;
    }
    return capabilities;
  }

  /**
   * One secret that the configuration itself names. What was read once stays in use when the vault is locked.
   * @throws VaultError naming the secret
   */
  value(name: string): string {
    const known = this.#values.get(name);
    if (known !== undefined) return known;
    const value = openSecret(this.#file, this.#vault, name);
    this.#values.set(name, value);
    return value;
  }

  #pair(path: string): () => KeyPair {
    const key = this.#vault.deriveEd25519(path);
    const { privateKey, publicKey } = key;
    return () => ({ privateKey: privateKey.slice(), publicKey: publicKey.slice() });
  }

  #device(n: number): KeyPair {
    if (!Number.isInteger(n) || n < 1)
      throw new VaultError('InvalidPath', `device.key: expected an integer from 1, found ${n}`);
    return this.#pair(devicePath(n))();
  }

  #ethereum(): () => KeyPair {
    const { privateKey, publicKey } = this.#vault.deriveEthereumKey();
    return () => ({ privateKey: privateKey.slice(), publicKey: publicKey.slice() });
  }

  #signer(plugin: string): (bytes: Uint8Array) => Uint8Array {
    using derived = this.#vault.deriveEd25519(IDENTITY);
    this.#identity ??= identityKey(derived.privateKey);
    const { privateKey } = this.#identity;
    return (bytes) => {
      if (!hasPurpose(plugin, bytes)) {
        throw new VaultError(
          'Encryption',
          `identity.sign: plugin ${plugin} signs bytes that begin with ${plugin}/<purpose> and NUL`,
          'Encryption',
        );
      }
      return new Uint8Array(sign(null, bytes, privateKey));
    };
  }
}

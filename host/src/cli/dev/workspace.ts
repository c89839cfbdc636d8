/**
 * The throw-away node of `alknet dev`: a directory with fresh keys, a developer who may do everything, and nothing that
 * stays.
 *
 * @module
 */

import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AnyOperation } from '@alknet/sdk';
import {
  changePeers,
  ed25519Fingerprint,
  makeToken,
  tokenHash,
  writeOperatorKey,
} from '../../identity/index.ts';
import { createVaultFile, OPERATOR, setSecret, Vault } from '../../vault/index.ts';
import { operatorScopes } from '../operator-scopes.ts';

/** The process that made it stands in its name: what a killed one left behind is known by it. */
const prefix = 'alknet-dev-';

export class Workspace {
  readonly directory: string;
  readonly dataDir: string;
  readonly configPath: string;
  /** Bearer token of the developer. */
  readonly token = makeToken();
  private rights = '';
  private config = '';
  private operator = '';

  private constructor(directory: string) {
    this.directory = directory;
    this.dataDir = join(directory, 'data');
    this.configPath = join(directory, 'alknet.config.json');
  }

  static async make(secrets: ReadonlyMap<string, string>, keep: boolean): Promise<Workspace> {
    await sweep();
    const directory = await mkdtemp(join(tmpdir(), `${prefix}${keep ? 'kept' : process.pid}-`));
    const workspace = new Workspace(directory);
    try {
      await workspace.fill(secrets);
    } catch (error) {
      workspace.removeNow();
      throw error;
    }
    return workspace;
  }

  private async fill(secrets: ReadonlyMap<string, string>): Promise<void> {
    const { dataDir } = this;
    await mkdir(dataDir, { mode: 0o700 });
    const vault = new Vault();
    vault.unlockNew();
    try {
      await createVaultFile(dataDir, vault, { kind: 'keyfile' });
      using operator = vault.deriveEd25519(OPERATOR);
      await writeOperatorKey(dataDir, operator.privateKey);
      this.operator = ed25519Fingerprint(operator.publicKey);
      for (const [name, value] of secrets) await setSecret(dataDir, vault, name, value, () => {});
    } finally {
      vault.lock();
    }
    await this.admit([]);
  }

  /** Gives the developer what these operations ask of a caller. Whether that was news. */
  async admit(operations: readonly AnyOperation[]): Promise<boolean> {
    const rules = operations.flatMap(({ access }) => (typeof access === 'string' ? [] : [access]));
    const asked = rules.flatMap(({ scopes = [], anyScopes = [] }) => [...scopes, ...anyScopes]);
    const types = rules.flatMap(({ resource }) => (resource?.type === undefined ? [] : [resource.type]));
    const rights = {
      scopes: [...new Set([...operatorScopes, ...asked])],
      resources: Object.fromEntries(types.map((type) => [type, ['manage']])),
    };
    if (JSON.stringify(rights) === this.rights) return false;
    this.rights = JSON.stringify(rights);
    const made = { ...rights, enabled: true, createdAt: new Date().toISOString() };
    await changePeers(this.dataDir, () => [
      { id: 'operator', fingerprints: [this.operator], ...made },
      { id: 'developer', fingerprints: [], tokenHash: tokenHash(this.token), ...made },
    ]);
    return true;
  }

  /** Whether it differs from what was there. */
  async configure(config: unknown): Promise<boolean> {
    const text = `${JSON.stringify(config, null, 2)}\n`;
    if (text === this.config) return false;
    this.config = text;
    const next = `${this.configPath}~`;
    await writeFile(next, text, { mode: 0o600 });
    await rename(next, this.configPath);
    return true;
  }

  /** Also when the process is about to end. */
  removeNow(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Removes what killed processes of this user left behind. */
async function sweep(): Promise<void> {
  for (const name of await readdir(tmpdir()).catch(() => [])) {
    const [, pid] = new RegExp(`^${prefix}(\\d+)-`).exec(name) ?? [];
    // Of another user: it is not ours to remove, and cannot be.
    if (pid !== undefined && !lives(Number(pid)))
      await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => {});
  }
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/**
 * The files that a running node follows, and what a change of each does. `docs/spec/config.md` 4.
 *
 * @module
 */

import { join } from 'node:path';
import { type LiveConfig, watchFile } from '../config/index.ts';
import { peersPath } from '../identity/index.ts';
import { lockPath, type PluginSupervisor } from '../plugins/index.ts';
import { secretsPath, vaultPath } from '../vault/index.ts';
import type { NodePeers } from './peers.ts';
import type { NodeSecrets } from './secrets.ts';
import type { NodeVault } from './vault.ts';

export interface FollowParts {
  readonly dataDir: string;
  readonly live: LiveConfig;
  readonly peers: NodePeers;
  readonly secrets: NodeSecrets;
  readonly vault: NodeVault;
  readonly supervisor: PluginSupervisor;
  /** Other secrets are in use. */
  secretsChanged(): void;
  /** Something that `node.json` tells may have changed. */
  announce(): Promise<void>;
}

export interface FollowedFiles {
  /** Takes configuration, peers and secrets as they are now. */
  reload(): Promise<void>;
  reloadSecrets(): Promise<void>;
  close(): Promise<void>;
}

export async function followFiles(parts: FollowParts): Promise<FollowedFiles> {
  const { dataDir, live, peers, secrets, vault, supervisor } = parts;
  const reloadPeers = async () => {
    await peers.reload();
    await parts.announce();
  };
  const reloadSecrets = async () => {
    if (await secrets.reload()) parts.secretsChanged();
  };
  const followLock = async () => {
    await supervisor.followLock();
    await parts.announce();
  };
  const watches = await Promise.all([
    watchFile(live.path, () => void live.reload()),
    watchFile(peersPath(dataDir), () => void reloadPeers()),
    watchFile(secretsPath(dataDir), () => void reloadSecrets()),
    watchFile(vaultPath(dataDir), () => void vault.reload()),
    watchFile(lockPath(join(live.path, '..')), () => void followLock()),
  ]);
  return {
    reload: async () => {
      await Promise.all([live.reload(), reloadPeers(), reloadSecrets()]);
    },
    reloadSecrets,
    close: async () => {
      await Promise.all(watches.map((watch) => watch.close()));
    },
  };
}

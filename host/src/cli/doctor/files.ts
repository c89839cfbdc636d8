/**
 * The files of the node: configuration, permissions, vault, and what a crash has left.
 *
 * @module
 */

import { chmod, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { askControl } from '../../control-socket.ts';
import { readUnlockKey, readVaultFile } from '../../vault/index.ts';
import { type Check, fail, ok, type Patient, reason, warn } from './check.ts';

/** Everything that the vault, identity or a running node keeps in the data directory itself. */
const kept =
  /^(?:vault\.(?:json|key)|secrets\.json|peers\.json|operator\.key|node\.json|control\.sock|store\.db.*)$/;

export async function permissions({ dataDir, fix }: Patient): Promise<Check> {
  const wrong: { path: string; mode: number; wanted: number }[] = [];
  const look = async (path: string, wanted: number) => {
    const file = await stat(path).catch(() => undefined);
    const mode = (file?.mode ?? wanted) & 0o777;
    if ((mode & ~wanted) !== 0) wrong.push({ path, mode, wanted });
  };
  await look(dataDir, 0o700);
  const names = await readdir(dataDir).catch(() => []);
  for (const name of names) if (kept.test(name)) await look(join(dataDir, name), 0o600);
  if (wrong.length === 0) return ok('permissions', `${dataDir} is this user's alone`);
  const text = wrong.map(({ path, mode }) => `${path} has mode ${mode.toString(8)}`).join('; ');
  if (fix) {
    try {
      for (const { path, wanted } of wrong) await chmod(path, wanted);
      return ok('permissions', `repaired: ${text}`);
    } catch (error) {
      return fail('permissions', reason(error), 'run it as the owner of the files');
    }
  }
  return fail('permissions', text, 'alknet doctor --fix');
}

export async function vault({ dataDir, node }: Patient): Promise<Check> {
  try {
    const { protection } = await readVaultFile(dataDir, () => {});
    if (protection === 'keyfile') await readUnlockKey(dataDir, () => {});
    if (node === undefined) return ok('vault', `locked; ${protection}`);
    const answer = await askControl(dataDir, 'state');
    if (answer.ok && answer.state === 'locked')
      return warn('vault', 'locked in the running node; changed secrets wait', 'alknet vault unlock');
    return ok('vault', `unlocked; ${protection}`);
  } catch (error) {
    const none = (error as { code?: string }).code === 'VaultMissing';
    return fail(
      'vault',
      reason(error),
      none
        ? 'alknet init, or from a phrase: alknet vault restore'
        : 'restore it from a copy, or move it away and: alknet vault restore',
    );
  }
}

export async function staleFiles({ dataDir, node, fix }: Patient): Promise<Check> {
  if (node !== undefined) return ok('stale files', 'the node runs');
  const names = await readdir(dataDir).catch(() => []);
  const stale = names.filter((name) => name === 'control.sock' || name === 'node.json');
  if (stale.length === 0) return ok('stale files', 'none');
  if (!fix)
    return warn(
      'stale files',
      `left by a node that did not end by itself: ${stale.join(', ')}`,
      'alknet doctor --fix',
    );
  for (const name of stale) await rm(join(dataDir, name), { force: true });
  return ok('stale files', `removed ${stale.join(', ')}`);
}

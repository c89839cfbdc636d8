/**
 * The data directory of a node: its user's alone, and of one running node at a time. `docs/spec/cli.md` 1.
 *
 * @module
 */

import { chmod, mkdir } from 'node:fs/promises';
import { readRunningNode } from '../node-file.ts';

/** Another node runs on the data directory. */
export class NodeRunning extends Error {
  override readonly name = 'NodeRunning';
}

/** Makes it when it is not there. @throws NodeRunning */
export async function claimDataDirectory(dataDir: string): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  await chmod(dataDir, 0o700);
  const other = readRunningNode(dataDir);
  if (other !== undefined && other.pid !== process.pid) {
    throw new NodeRunning(
      `a node runs on ${dataDir} already (process ${other.pid}); stop it, or use another data directory`,
    );
  }
}

/**
 * The hook that decides on a push. A program of its own, started by git. `docs/spec/git.md` 6.
 *
 * @module
 */

import { join } from 'node:path';
import { decide } from '../core/push-policy.ts';
import { diskSize } from '../repositories/disk-size.ts';
import { examine, readPolicy, readUpdates, tell } from './hook-io.ts';

/** @returns the exit code */
async function main(): Promise<number> {
  const policy = readPolicy();
  const updates = readUpdates();
  const { rules, pusher, run, repository } = policy;
  // What is too much is not looked at.
  const examined =
    updates.length > rules.maxRefs
      ? updates.map((update) => ({ ...update, kind: 'update' as const, forced: false }))
      : examine(updates, policy);
  // What came in lies in quarantine, inside the same directory.
  const sizeAfter = await diskSize(join(repository, 'objects'));
  const refusals = decide(rules, pusher, examined, sizeAfter);
  for (const { ref, reason } of refusals) process.stderr.write(`alknet: ${ref}: ${reason}\n`);
  if (refusals.length > 0) return 1;
  await tell({ run, event: 'accepted', updates: examined });
  return 0;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write('alknet: the push cannot be decided now; try again\n');
    process.stderr.write(`alknet: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  },
);

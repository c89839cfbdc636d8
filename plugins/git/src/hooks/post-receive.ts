/**
 * The hook that reports which refs have moved. A program of its own, started by git. `docs/spec/git.md` 6.
 *
 * @module
 */

import { examine, readPolicy, readUpdates, tell } from './hook-io.ts';

async function main(): Promise<void> {
  const policy = readPolicy();
  await tell({ run: policy.run, event: 'moved', updates: examine(readUpdates(), policy) });
}

main().catch((error: unknown) => {
  // The refs have moved; only the report of it is lost.
  process.stderr.write(`alknet: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});

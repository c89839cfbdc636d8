/**
 * One writer at a time: a lock file made exclusively, holding the process id. One whose process is gone is taken over.
 * `docs/spec/vault.md` 11.
 *
 * @module
 */

import { readFile, rm, writeFile } from 'node:fs/promises';

/** Milliseconds. */
const patience = 5_000;
const pause = 20;

/** The lock stayed with another process. */
export class LockBusy extends Error {
  override readonly name = 'LockBusy';
}

/** Runs `work` while holding `path`. @throws LockBusy after 5 s */
export async function withLock<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  const until = Date.now() + patience;
  for (;;) {
    try {
      await writeFile(path, `${process.pid}\n`, { flag: 'wx', mode: 0o600 });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (await abandoned(path)) await rm(path, { force: true });
    else if (Date.now() > until) throw new LockBusy(`${path} is held by another process`);
    else await new Promise((resolve) => setTimeout(resolve, pause));
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function abandoned(path: string): Promise<boolean> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const pid = Number.parseInt(text, 10);
  // A writer that has made the file and not yet written into it is alive.
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

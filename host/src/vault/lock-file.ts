/**
 * One writer at a time: a lock file made exclusively, holding the process id. One whose process is gone is taken over.
 * `docs/spec/vault.md` 11.
 *
 * @module
 */

import { randomBytes } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';

/** Milliseconds. */
const patience = 5_000;
const pause = 20;

/** Locks of this process: one that names it and is not here was left by an earlier process of the same id. */
const held = new Set<string>();

/** The lock stayed with another process. */
export class LockBusy extends Error {
  override readonly name = 'LockBusy';
}

/** Runs `work` while holding `path`. @throws LockBusy after 5 s */
export async function withLock<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  const until = Date.now() + patience;
  while (!(await acquire(path))) {
    if (Date.now() > until) {
      throw new LockBusy(`${path} is held by another process; remove it if no alknet command runs`);
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
  try {
    return await work();
  } finally {
    await release(path);
  }
}

async function acquire(path: string): Promise<boolean> {
  if (await create(path)) return true;
  if (!(await isAbandoned(path))) return false;
  // Two that find it abandoned must not remove each other's fresh lock: the removal has a lock of its own, under which
  // the owner is looked at once more.
  const takeOver = `${path}.take-over`;
  if (!(await create(takeOver))) {
    // Left by one that was killed in the few milliseconds below.
    if (await isAbandoned(takeOver)) await rm(takeOver, { force: true });
    return false;
  }
  try {
    if (await isAbandoned(path)) await rm(path, { force: true });
    return await create(path);
  } finally {
    await release(takeOver);
  }
}

/** The file appears together with its content, so that no lock without an owner is ever seen. */
async function create(path: string): Promise<boolean> {
  if (held.has(path)) return false;
  const temporary = `${path}.${process.pid}.${randomBytes(6).toString('hex')}.tmp`;
  held.add(path);
  try {
    await writeFile(temporary, `${process.pid}\n`, { flag: 'wx', mode: 0o600 });
    await link(temporary, path);
    return true;
  } catch (error) {
    held.delete(path);
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function release(path: string): Promise<void> {
  await rm(path, { force: true });
  held.delete(path);
}

async function isAbandoned(path: string): Promise<boolean> {
  const pid = Number.parseInt(await readFile(path, 'utf8').catch(() => ''), 10);
  if (!Number.isInteger(pid) || pid <= 0) return false;
  return pid === process.pid ? !held.has(path) : isGone(pid);
}

/** Whether no process has that id. */
export function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

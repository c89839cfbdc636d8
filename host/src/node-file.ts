/**
 * `node.json`: what a running node tells the commands beside it, and the mark that a data directory is in use.
 * `docs/spec/cli.md` 1.
 *
 * @module
 */

import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeSecretFile } from './vault/files.ts';

export interface NodeFile {
  readonly pid: number;
  /** Of the process, where the system tells it: a pid may be given out again. */
  readonly startTime?: string;
  /** Node key. */
  readonly id: string;
  readonly z32: string;
  readonly version: string;
  readonly addresses: readonly {
    readonly transport: string;
    readonly address: string;
    readonly port: number;
  }[];
  readonly config: { readonly path: string; readonly revision: string; readonly error?: string };
  readonly peersRevision: string;
  readonly peersError?: string;
  /** Names that can be called from outside, for completion in a shell. */
  readonly operations: readonly string[];
}

export const nodeFilePath = (dataDir: string) => join(dataDir, 'node.json');

export async function writeNodeFile(dataDir: string, file: NodeFile): Promise<void> {
  await writeSecretFile(nodeFilePath(dataDir), `${JSON.stringify(file, null, 2)}\n`);
}

export async function removeNodeFile(dataDir: string): Promise<void> {
  await rm(nodeFilePath(dataDir), { force: true });
}

/** The file of a node that runs; `undefined` when none does, whatever a crash has left. */
export function readRunningNode(dataDir: string): NodeFile | undefined {
  let file: NodeFile;
  try {
    file = JSON.parse(readFileSync(nodeFilePath(dataDir), 'utf8')) as NodeFile;
  } catch {
    return undefined;
  }
  return isAlive(file) ? file : undefined;
}

function isAlive({ pid, startTime }: NodeFile): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Another user's process is alive as well.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return startTime === undefined || startTime === processStartTime(pid);
}

/** Field 22 of /proc/<pid>/stat (proc(5)); `undefined` where there is none. */
export function processStartTime(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold spaces.
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

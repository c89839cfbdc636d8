/**
 * Memory of a server with all its processes, as Linux tells it: what several of them share counts once.
 *
 * @module
 */

import { readdirSync, readFileSync } from 'node:fs';

/** A process and all below it. */
export function treeOf(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    // The name of the program is in parentheses, and may hold some itself.
    const stat = /^\d+$/.test(name) ? textOf(`/proc/${name}/stat`) : '';
    const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (parent !== undefined) parents.set(Number(name), Number(parent));
  }
  const found = [root];
  for (const pid of found) for (const [child, parent] of parents) if (parent === pid) found.push(child);
  return found;
}

/** KiB, proportional set size. */
export function proportionalSize(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const [, size = '0'] = /^Pss:\s+(\d+) kB$/m.exec(textOf(`/proc/${pid}/smaps_rollup`)) ?? [];
    return sum + Number(size);
  }, 0);
}

/** Nothing of a process that has just ended. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

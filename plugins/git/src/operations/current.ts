/**
 * Which instance answers. Operations and routes are made when the module is loaded, before there is one.
 *
 * @module
 */

import type { GitNode } from '../git-node.ts';

let current: GitNode | undefined;

/** At the end of `start()`: until then the instance before goes on answering. */
export function use(node: GitNode): void {
  current = node;
}

/** An instance that has been replaced no longer answers anyway. */
export function release(node: GitNode): void {
  if (current === node) current = undefined;
}

export function runningNode(): GitNode | undefined {
  return current;
}

/** @throws Error when no instance runs; the host calls no operation then */
export function gitNode(): GitNode {
  if (current === undefined) throw new Error('the git plugin does not run');
  return current;
}

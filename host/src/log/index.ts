/**
 * The log. `docs/spec/config.md` 9.
 *
 * @module
 */

export { levelNumbers } from './levels.ts';
export { NodeLog } from './log.ts';
export { LogTail, tailLines } from './tail.ts';
export { textLine } from './text-format.ts';

/**
 * The log. `docs/spec/config.md` 9.
 *
 * @module
 */

export { levelNumbers } from './levels.ts';
export { type LogLine, NodeLog } from './log.ts';
export { textLine } from './text-format.ts';

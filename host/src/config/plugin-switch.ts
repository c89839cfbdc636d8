/**
 * The edit that switches a plugin on or off, whichever way its entry is written. `docs/spec/config.md` 6.1 and 15. Pure.
 *
 * @module
 */

import type { KeyEdit } from './edit-text.ts';

/** `undefined` when the file has no entry of that name. */
export function switchEdit(
  document: Readonly<Record<string, unknown>>,
  name: string,
  enabled: boolean,
): KeyEdit | undefined {
  const plugins = document['plugins'];
  if (typeof plugins !== 'object' || plugins === null || !Object.hasOwn(plugins, name)) return undefined;
  const entry = (plugins as Record<string, unknown>)[name];
  return typeof entry === 'object' && entry !== null
    ? { path: ['plugins', name, 'enabled'], value: enabled }
    : { path: ['plugins', name], value: enabled };
}

/**
 * Tells when a file is another one: by its time and size, looked at twice a second. Editors and deployments replace
 * files in ways that no notification of the system sees alike.
 *
 * @module
 */

import { unwatchFile, watchFile } from 'node:fs';

const interval = 500;

/** Returns what ends it. */
export function onFileChange(path: string, changed: () => void): () => void {
  const listener = () => changed();
  watchFile(path, { interval, persistent: false }, listener);
  return () => unwatchFile(path, listener);
}

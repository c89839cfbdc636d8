/**
 * Writes the hook directory: two files that start the hook programs with the runtime of the node. `docs/spec/git.md` 6.
 *
 * @module
 */

import { fileURLToPath } from 'node:url';
import { shellLine } from '@alknet/sdk';
import { writeScripts } from '../git/scripts.ts';

const names = ['pre-receive', 'post-receive'] as const;

/** The built program, also when this module runs from its source: git starts it with no loader. */
function programOf(name: string): string {
  const built = import.meta.url.endsWith('.ts') ? `../../dist/hooks/${name}.js` : `./${name}.js`;
  return fileURLToPath(new URL(built, import.meta.url));
}

export function installHooks(directory: string): Promise<void> {
  // A line that begins with #! takes no long path and none with a space.
  const script = (name: string) => `exec ${shellLine([process.execPath, programOf(name)])}`;
  return writeScripts(directory, Object.fromEntries(names.map((name) => [name, script(name)])));
}

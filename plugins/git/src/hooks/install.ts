/**
 * Writes the hook directory: two files that start the hook programs with the runtime of the node. `docs/spec/git.md` 6.
 *
 * @module
 */

import { chmod, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { shellLine } from '@alknet/sdk';

const names = ['pre-receive', 'post-receive'] as const;

/** The built program, also when this module runs from its source: git starts it with no loader. */
function programOf(name: string): string {
  const built = import.meta.url.endsWith('.ts') ? `../../dist/hooks/${name}.js` : `./${name}.js`;
  return fileURLToPath(new URL(built, import.meta.url));
}

/** `directory` holds these two files and no other of ours. */
export async function installHooks(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  for (const name of names) {
    const path = join(directory, name);
    // A line that begins with #! takes no long path and none with a space.
    const script = `#!/bin/sh\nexec ${shellLine([process.execPath, programOf(name)])}\n`;
    await writeFile(`${path}.new`, script, { mode: 0o500 });
    await chmod(`${path}.new`, 0o500);
    // A push that runs now keeps the file it began with.
    await rename(`${path}.new`, path);
  }
}

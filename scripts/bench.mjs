/**
 * `npm run bench`: installs what is missing, then runs the bench.
 * Arguments after `--` go to it; `npm run bench -- --help` lists them.
 */
import { join } from 'node:path';
import { ensureInstalled, root, run } from './install.mjs';

ensureInstalled();
const source = ['--enable-source-maps', '--conditions=alknet:source', '--import', 'tsx'];
run(process.execPath, [...source, join(root, 'bench', 'src', 'main.ts'), ...process.argv.slice(2)]);

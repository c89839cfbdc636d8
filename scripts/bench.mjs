/**
 * `npm run bench`: installs what is missing, then runs the bench.
 * Arguments after `--` go to it; `npm run bench -- --help` lists them. `npm run bench -- files` measures file
 * transfer, `npm run bench -- forward` forwarded ports, `npm run bench -- login` logins by SSH.
 */
import { join } from 'node:path';
import { bin, ensureBuilt, ensureInstalled, root, run } from './install.mjs';

ensureInstalled();
ensureBuilt();
// What users run is measured: the compiled packages, not their source.
run(bin('tsc'), ['-b', 'bench']);
const [first, ...others] = process.argv.slice(2);
const own = ['files', 'forward', 'login'].includes(first);
const [program, args] = own ? [`${first}/main.js`, others] : ['main.js', process.argv.slice(2)];
run(process.execPath, ['--enable-source-maps', join(root, 'bench', 'dist', program), ...args]);

/**
 * `npm test`: installs and builds what is missing, then runs the test files with Node's test runner.
 * Arguments: parts of file names to run only those (`npm test -- host/test/vault call`); `--coverage` reports lines.
 */

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { ensureBuilt, ensureInstalled, root } from './install.mjs';

ensureInstalled();
ensureBuilt();

const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const below = (folder) =>
  readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(folder, name));
const packages = ['sdk', 'host', ...below('plugins'), ...below('examples'), 'bench', 'scripts'];

function testFiles(directory) {
  let entries;
  try {
    entries = readdirSync(directory, { withFileTypes: true, recursive: true });
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
  return entries
    .filter((entry) => entry.isFile() && /\.test\.(ts|mjs)$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

const files = packages
  .flatMap((name) => testFiles(join(root, name, 'test')))
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort();
if (files.length === 0) {
  console.error(`error: no test file matches ${wanted.join(' ')}`);
  process.exit(2);
}

const options = [
  '--enable-source-maps',
  '--conditions=alknet:source',
  '--import',
  'tsx',
  '--test',
  // Node leaves one core free, which is half of the smallest machine.
  `--test-concurrency=${Math.max(2, availableParallelism())}`,
  // Also for a whole file: one that does not end is a failure, not a wait.
  '--test-timeout=300000',
  '--test-reporter=spec',
];
if (process.argv.includes('--coverage')) options.push('--experimental-test-coverage');
const result = spawnSync(process.execPath, [...options, ...files], { cwd: root, stdio: 'inherit' });
process.exit(result.status ?? 1);

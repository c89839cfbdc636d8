/**
 * Makes sure that dependencies are installed and the packages are built, so that `npm start` and `npm test` need
 * nothing before them. Uses Node's own modules alone: it runs before anything is installed.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const minimum = [20, 19];

/** Runs a program in the project's root and ends this process with its exit code when it fails. */
export function run(program, args, options = {}) {
  const result = spawnSync(program, args, { cwd: root, stdio: 'inherit', ...options });
  if (result.error) {
    console.error(`error: could not run ${program}: ${result.error.message}`);
    process.exit(1);
  }
  if (result.status !== 0) process.exit(result.status ?? 1);
}

/** The path of a package's program below node_modules/.bin. */
export const bin = (name) => join(root, 'node_modules', '.bin', name);

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > minimum[0] || (major === minimum[0] && minor >= minimum[1])) return;
  console.error(
    `error: alknet needs Node.js ${minimum.join('.')} or later, found ${process.versions.node}\n  try: install a current Node.js from https://nodejs.org`,
  );
  process.exit(1);
}

function installed() {
  const lock = join(root, 'package-lock.json');
  const marker = join(root, 'node_modules', '.package-lock.json');
  return existsSync(marker) && statSync(marker).mtimeMs >= statSync(lock).mtimeMs;
}

/**
 * Installs what package-lock.json names, unless node_modules is newer than it. Not `npm ci`: that refuses a lock file
 * without the packages of platforms that the machine which wrote it could not see.
 */
export function ensureInstalled() {
  checkNode();
  if (installed()) return;
  console.error('installing dependencies …');
  // What a package of the bench wants of Node is no matter of somebody who starts a node.
  run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

/** Compiles what changed since the last build. */
export function ensureBuilt() {
  if (!existsSync(join(root, 'host', 'dist'))) console.error('building …');
  run(bin('tsc'), ['-b']);
  for (const name of ['build-libraries', 'build-page'])
    run(process.execPath, [join(root, 'scripts', `${name}.mjs`)]);
}

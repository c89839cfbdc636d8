/**
 * `npm start`: installs, builds, makes a first node in this folder if there is none, and serves it.
 * Arguments after `--` go to `alknet up`.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ensureBuilt, ensureInstalled, root, run } from './install.mjs';

ensureInstalled();
ensureBuilt();

const alknet = join(root, 'host', 'bin', 'alknet.js');
if (!existsSync(join(root, 'data', 'vault.json'))) {
  // An unlock key on disk: a first node must start unattended. `alknet vault rotate` turns it into a passphrase.
  run(process.execPath, [alknet, 'init', '--no-passphrase']);
}

const node = spawn(process.execPath, [alknet, 'up', ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  // A terminal sends SIGINT to the whole process group already; the node hears it by itself.
  process.on(signal, () => {
    if (signal !== 'SIGINT' || !process.stdin.isTTY) node.kill(signal);
  });
}
node.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGKILL' ? 137 : 1)));

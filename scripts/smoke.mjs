/**
 * Follows the README, and then docs/operate.md, as a reader would: in a fresh clone, command by command. In its `console` blocks a line that begins
 * with `$ ` is run and must exit 0; the lines below it are what the reader is shown, and each
 * must appear in the output, where `…` stands for anything. `npm start`, and what ends in `&`, goes on until the end. A `js`
 * or `jsonc` block whose first line is `// NAME` is written to that file first.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './install.mjs';

const folder = mkdtempSync(join(tmpdir(), 'alknet-readme-'));
const clone = join(folder, 'alknet');
/** Where the commands run; the day of docs/operate.md begins in an empty folder. */
let place = clone;
/** What the reader has of their own: a home that is not this machine's, and a name for git. */
const home = join(folder, 'home');
const reader = {
  ...process.env,
  HOME: home,
  PATH: `${join(home, '.local/bin')}:${process.env.PATH}`,
  npm_config_cache: join(folder, 'npm'),
  GIT_AUTHOR_NAME: 'Reader',
  GIT_AUTHOR_EMAIL: 'reader@example.org',
  GIT_COMMITTER_NAME: 'Reader',
  GIT_COMMITTER_EMAIL: 'reader@example.org',
};
/** What goes on in the background. */
const nodes = [];

function fail(message) {
  console.error(`FAIL  ${message}`);
  process.exitCode = 1;
}

/** Steps in the order in which they stand in the text. */
function steps(markdown) {
  const found = [];
  for (const [, language, body] of markdown.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)) {
    const lines = body.trimEnd().split('\n');
    if (language === 'console') {
      for (const line of lines) {
        if (line.startsWith('$ ')) found.push({ command: line.slice(2), expected: [] });
        else if (line.trim() !== '') found.at(-1).expected.push(line.trim());
      }
    } else if (lines[0].startsWith('// ') && /^[\w./-]+$/.test(lines[0].slice(3))) {
      found.push({ file: lines[0].slice(3), text: `${body}` });
    }
  }
  return found;
}

function shows(output, line) {
  const pattern = line
    .split('…')
    .map((part) =>
      part
        .trim()
        .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
        .replace(/\s+/g, '\\s+'),
    )
    .join('[^\\n]*');
  return new RegExp(pattern).test(output);
}

/** Starts the command and resolves when the node says that it serves. */
function background({ command, expected }) {
  return new Promise((resolve, reject) => {
    const node = spawn('bash', ['-c', `exec ${command.replace(/ &$/, '')}`], {
      cwd: place,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    nodes.push(node);
    let output = '';
    const timer = setTimeout(
      () => reject(new Error(`${command} did not serve within 5 minutes:\n${output}`)),
      300_000,
    );
    const take = (chunk) => {
      output += chunk;
      if (!expected.every((line) => shows(output, line))) return;
      clearTimeout(timer);
      resolve();
    };
    node.stdout.on('data', take);
    node.stderr.on('data', take);
    node.on('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`${command} ended with ${code}:\n${output}`));
    });
  });
}

/** A step right after a file was written may come before the node has taken it. */
async function patiently(step) {
  const until = Date.now() + 5_000;
  while (Date.now() < until) {
    const { status } = spawnSync('bash', ['-o', 'pipefail', '-c', step.command], {
      cwd: place,
      env: reader,
      timeout: 60_000,
    });
    if (status === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** What the reader exports holds for the lines below it. */
function exported(command) {
  const { stdout } = spawnSync('bash', ['-c', `${command}; env -0`], {
    cwd: place,
    env: reader,
    encoding: 'utf8',
  });
  for (const pair of stdout.split('\0').filter((text) => text.includes('=')))
    reader[pair.slice(0, pair.indexOf('='))] = pair.slice(pair.indexOf('=') + 1);
}

function foreground({ command, expected }) {
  const result = spawnSync('bash', ['-o', 'pipefail', '-c', command], {
    cwd: place,
    env: reader,
    encoding: 'utf8',
    timeout: 60_000,
  });
  const output = `${result.stdout}${result.stderr}`;
  if (result.status !== 0) fail(`$ ${command}\nexit ${result.status}\n${output}`);
  for (const line of expected)
    if (!shows(output, line)) fail(`$ ${command}\nexpected: ${line}\nfound:\n${output}`);
}

async function follow(document) {
  let written = false;
  for (const step of steps(readFileSync(join(clone, document), 'utf8'))) {
    if (step.file !== undefined) writeFileSync(join(place, step.file), step.text);
    else if (step.command.startsWith('git clone …') || step.command.startsWith('cd ')) continue;
    else if (step.command === 'npm test')
      continue; // CI has run it already
    else if (step.command.startsWith('export ')) exported(step.command);
    else if (step.command === 'npm start' || step.command.endsWith(' &')) await background(step);
    else {
      if (written) await patiently(step);
      foreground(step);
    }
    written = step.file !== undefined;
    if (step.command !== undefined) console.log(`ran   $ ${step.command}`);
    if (process.exitCode) break;
  }
}

async function end() {
  for (const node of nodes.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)) {
    node.removeAllListeners('exit');
    const over = new Promise((resolve) => node.once('exit', resolve));
    process.kill(-node.pid, 'SIGTERM');
    await over;
  }
  rmSync(folder, { recursive: true, force: true });
}

try {
  const cloned = spawnSync('git', ['clone', '--quiet', root, clone], { stdio: 'inherit' });
  mkdirSync(join(home, '.local/bin'), { recursive: true });
  if (cloned.status !== 0) throw new Error('git clone failed');
  await follow('README.md');
  if (!process.exitCode) {
    place = join(clone, 'day');
    mkdirSync(place);
    const programs = join(clone, 'node_modules', '.bin');
    process.env.PATH = `${programs}:${process.env.PATH}`;
    reader.PATH = `${programs}:${reader.PATH}`;
    delete reader.ALKNET_CONFIG;
    await follow('docs/operate.md');
  }
} catch (error) {
  fail(error.message);
} finally {
  await end();
}

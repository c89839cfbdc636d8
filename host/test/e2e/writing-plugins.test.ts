import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { shellIn } from './cli-support.ts';
import { shows, stepsOf } from './document.ts';
import { linkPackages } from './linked-packages.ts';
import { eventually, type Place, place, up } from './support.ts';

const document = fileURLToPath(new URL('../../../docs/writing-plugins.md', import.meta.url));

/** Starts what ends in `&` and waits until it has said what the document shows. */
async function background(here: Place, folder: string, command: string, expected: readonly string[]) {
  const node = spawn('bash', ['-c', `exec ${command.replace(/ &$/, '')}`], {
    cwd: folder,
    env: { PATH: `${join(here.folder, 'bin')}:${process.env['PATH']}`, HOME: here.folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(node, 'exit');
  here.daemons.add(async () => {
    node.kill('SIGTERM');
    await ended;
  });
  let output = '';
  for (const stream of [node.stdout, node.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  await eventually(
    `${command} says what the document shows`,
    () => {
      assert.equal(node.exitCode, null, output);
      return expected.every((line) => shows(output, line));
    },
    30_000,
  );
}

test('docs/writing-plugins.md leads from an empty folder to a published package, block by block', async (t) => {
  const here = await place(t);
  const sh = await shellIn(here);
  let folder = here.folder;
  let fresh = false;
  let key = '';
  for (const step of stepsOf(await readFile(document, 'utf8'))) {
    if (step.kind === 'file') {
      const path = relative(here.folder, resolve(folder, step.name));
      assert.ok(!path.startsWith('..'), path);
      await here.write(path, step.text.replaceAll('ed25519:…', key));
      fresh = true;
      continue;
    }
    const { command, expected } = step;
    if (command.startsWith('cd ')) folder = resolve(folder, command.slice(3));
    // What it would bring, without a network: the packages of this workspace.
    else if (command.startsWith('npm install')) await linkPackages(folder);
    else if (command === 'alknet up &' && folder === here.folder) await up(here);
    else if (command.endsWith(' &')) await background(here, folder, command, expected);
    else {
      let ran = '';
      const run = async () => {
        const { code, stdout, stderr } = await sh(`set -o pipefail; cd '${folder}' && ${command}`);
        ran = `$ ${command}\nexit ${code}\n${stdout}${stderr}`;
        return code === 0 && expected.every((line) => shows(stdout + stderr, line));
      };
      // A node takes a moment to follow a file that was just written.
      if (fresh && command.startsWith('alknet '))
        await eventually(`$ ${command}`, run, 15_000).catch(() => {});
      else await run();
      key = /signed by (ed25519:[0-9a-f]{64})/.exec(ran)?.[1] ?? key;
      assert.ok(
        ran.includes('exit 0') && expected.every((line) => shows(ran, line)),
        `${ran}\nexpected: ${expected.join('\n')}`,
      );
    }
    fresh = false;
  }
});

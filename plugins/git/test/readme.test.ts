import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { shellIn } from '../../../host/test/e2e/cli-support.ts';
import { shows, stepsOf } from '../../../host/test/e2e/document.ts';
import { made, up } from '../../../host/test/e2e/support.ts';

test('the examples of the README run as printed', async (t) => {
  const here = await made(t);
  const sh = await shellIn(here);
  const steps = stepsOf(await readFile(new URL('../README.md', import.meta.url), 'utf8'));
  const commands: { readonly command: string; readonly expected: readonly string[] }[] = [];
  for (const step of steps) {
    // Only the port differs: others test on this machine too.
    if (step.kind === 'file') await here.write(step.name, step.text.replaceAll(':4433', ':0'));
    else commands.push(step);
  }
  assert.ok(commands.length > 8);
  await up(here);
  // One shell, as its reader has.
  const mark = '=====';
  const script = commands.map(({ command }) => `${command}\necho '${mark}'`).join('\n');
  const env = {
    GIT_AUTHOR_NAME: 'a',
    GIT_AUTHOR_EMAIL: 'a@b',
    GIT_COMMITTER_NAME: 'a',
    GIT_COMMITTER_EMAIL: 'a@b',
  };
  const { code, stdout } = await sh(`set -e; exec 2>&1\n${script}`, { env });
  assert.equal(code, 0, stdout);
  const outputs = stdout.split(`${mark}\n`);
  for (const [i, { command, expected }] of commands.entries())
    for (const line of expected)
      assert.ok(shows(outputs[i] ?? '', line), `${command}: ${line}\n${outputs[i]}`);
});

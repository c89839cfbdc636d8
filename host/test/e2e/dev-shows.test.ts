/** What `alknet dev` writes for its reader, and the page that it opens. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import { join } from 'node:path';
import { test } from 'node:test';
import { shellIn } from './cli-support.ts';
import { clockPackage, dev, files, inlineDev, now } from './dev-support.ts';
import { command, eventually, place } from './support.ts';

test('the calls that dev prints work as they are printed, also where an operation asks for input', async (t) => {
  const here = await place(t);
  await here.write(
    'lamp.ts',
    `import { definePlugin, defineOperation, Type } from '@alknet/sdk';
    const operation = (name, input) => defineOperation({ name, type: 'query', access: 'authenticated',
      input, output: Type.Any(), handler: (given) => given });
    export default definePlugin({ name: 'lamp', version: '1.0.0', operations: [
      operation('lamp/members', Type.Object({ room: Type.String({ minLength: 2 }), watts: Type.Number({ minimum: -5 }),
        when: Type.Optional(Type.String()), tint: Type.Object({ name: Type.Literal("ivory's own") }) })),
      operation('lamp/list', Type.Array(Type.String(), { minItems: 2 })),
      operation('lamp/odd', Type.Object({ 'a.b': Type.Literal('c d'), none: Type.String() })),
      operation('lamp/code', Type.Object({ code: Type.String({ pattern: '^[0-9]{4}-[a-f]$' }) })),
    ] });`,
  );
  const node = await dev(here, ['lamp.ts']);
  const printed = node.ready['examples'] as string[];
  assert.deepEqual(
    printed.map((line) => line.replace(/^alknet --data \S+ /, '')),
    [
      `call lamp/members room=aa watts:=0 tint:='{"name":"ivory'\\''s own"}'`,
      `call lamp/list '["",""]'`,
      `call lamp/odd '{"a.b":"c d","none":""}'`,
      'schema lamp/code --input',
      'ops',
    ],
  );
  const sh = await shellIn(here);
  const ran = await Promise.all(printed.map((line) => sh(`${line} --json`)));
  for (const [index, { code, stderr }] of ran.entries())
    assert.equal(code, 0, `${printed[index]}: ${stderr}`);
  assert.deepEqual(JSON.parse(ran[0]?.stdout ?? ''), {
    room: 'aa',
    watts: 0,
    tint: { name: "ivory's own" },
  });
  assert.deepEqual(JSON.parse(ran[2]?.stdout ?? ''), { 'a.b': 'c d', none: '' });
  assert.equal(await node.stop(), 0);
});

test('dev writes plain lines to a pipe: a status that fits on a screen, then what happens', async (t) => {
  const here = await place(t);
  await clockPackage(here, 'clock', { scopes: ['fs:read'] });
  const child = spawn(process.execPath, [command, 'dev', ...inlineDev, 'clock'], {
    cwd: here.folder,
    env: { PATH: process.env['PATH'], HOME: here.folder },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  here.daemons.add(async () => {
    if (child.exitCode === null) child.kill('SIGKILL');
    await closed;
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  await eventually('the status', () => /^config /m.test(text), 15_000);
  const status = text;
  assert.ok(status.split('\n').length < 24, status);
  assert.match(status, /^clock +1\.0\.0 +running +inline +acme-clock in clock( sha256-\S+)?$/m);
  assert.match(status, /^ {2}serves +clock\/now \(query\)$/m);
  assert.match(status, /^ {2}granted +scopes fs:read$/m);
  assert.match(status, /alknet --data \S+ call clock\/now$/m);
  await writeFile(join(here.folder, 'clock/src/now.ts'), `${now(`'two'`)}const a = ;\n`);
  await eventually('the error', () => text.includes('> 11 | const a = ;'));
  assert.match(
    text,
    /clock not taken: the last good version goes on\n\nclock\/src\/now\.ts:11:11: Unexpected ";"\n/,
  );
  await writeFile(join(here.folder, 'clock/src/now.ts'), now(`'two'`));
  await eventually('the reload', () => /clock 1\.0\.0 reloaded in \d+ ms \(clock\/src\/now\.ts\)/.test(text));
  child.kill('SIGINT');
  assert.deepEqual(await closed, [0, null]);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f]/);
});

test('dev --open shows the page of the node in a browser, or says why not', async (t) => {
  const here = await place(t);
  await files(here, {
    'plain.ts': `import { definePlugin } from '@alknet/sdk';
      export default definePlugin({ name: 'plain', version: '1.0.0' });`,
  });
  const bin = join(here.folder, 'bin');
  await mkdir(bin);
  const opened = join(here.folder, 'opened');
  for (const name of ['xdg-open', 'open'])
    await writeFile(
      join(bin, name),
      `#!/bin/sh\nprintf %s "$1" >'${opened}.part' && mv '${opened}.part' '${opened}'\n`,
      {
        mode: 0o755,
      },
    );
  const node = await dev(
    here,
    [...inlineDev, '--open', 'plain.ts'],
    here.folder,
    `${bin}:${process.env['PATH']}`,
  );
  await eventually('the browser', () => existsSync(opened));
  const url = await readFile(opened, 'utf8');
  assert.equal(url, node.ready['web']);
  assert.match(url, /^https:\/\/127\.0\.0\.1:\d+\/$/);
  // The page is there, for a browser that trusts the node.
  const page = await new Promise<number | undefined>((resolve, reject) => {
    get(url, { rejectUnauthorized: false, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on('error', reject);
  });
  assert.equal(page, 200);
  await node.stop();

  // Without any program to open it.
  const without = await dev(
    here,
    [...inlineDev, '--open', 'plain.ts'],
    here.folder,
    join(here.folder, 'nothing'),
  );
  assert.match(String((await without.next('note'))['text'] ?? ''), /not opened: .*open is missing/);
  await without.stop();
});

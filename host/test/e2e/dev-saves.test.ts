/** What a save does to the plugins of `alknet dev`. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { dial } from '../../src/client.ts';
import { clockPackage, type Dev, dev, files, inBoth, inlineDev, left, now, shown } from './dev-support.ts';
import { eventually, place } from './support.ts';

const modules = fileURLToPath(new URL('../../../node_modules', import.meta.url));

/** A stream on a connection of its own to `clock/say`, which answers. */
async function says(t: TestContext, { ready }: Dev): Promise<(word: string) => Promise<string>> {
  const connection = await dial(`${ready.addresses[0]?.split(' ')[1]}#${ready.id}`, 'clock/say');
  t.after(() => connection.close());
  const stream = await connection.openStream();
  stream.on('error', () => {});
  return async (word) => {
    stream.write(word);
    const [answer] = (await once(stream, 'data')) as [Buffer];
    return answer.toString();
  };
}

/** Process ids, of all or of the children of one. */
async function alive(parent?: number): Promise<string[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=']);
  const rows = stdout.split('\n').map((line) => line.trim().split(/\s+/));
  return rows.flatMap(([pid = '', of]) => (parent === undefined || of === String(parent) ? [pid] : []));
}

test(
  'CLI-36 dev serves the package of this directory, reloads it at save, and leaves nothing behind',
  inBoth(async (t, isolation) => {
    const here = await place(t);
    await clockPackage(here, 'clock', { scopes: ['fs:read'] });
    const node = await dev(here, ['--isolation', isolation], join(here.folder, 'clock'));
    // The developer has what the operation asks of a caller.
    assert.deepEqual(await node.call('clock/now'), { word: 'one' });
    assert.deepEqual(shown(node, 'clock')?.granted.scopes, ['fs:read']);
    assert.equal(shown(node, 'clock')?.provenance?.package, 'acme-clock');
    assert.equal(shown(node, 'clock')?.isolation, isolation);

    await files(here, { 'clock/src/now.ts': now(`'two'`) });
    const reloaded = await node.next('reloaded', 'clock');
    assert.deepEqual(reloaded['files'], [join(here.folder, 'clock/src/now.ts')]);
    assert.deepEqual(await node.call('clock/now'), { word: 'two' });

    const helpers = await alive(node.pid);
    assert.ok(helpers.length > 0, 'esbuild runs in a process of its own');
    assert.equal(await node.stop(), 0);
    assert.deepEqual(await left(here), []);
    // They see the end of their input, and go.
    await eventually('the processes end', async () => (await alive()).every((pid) => !helpers.includes(pid)));
    assert.deepEqual((await readdir(join(here.folder, 'clock'))).sort(), ['package.json', 'src']);
  }),
);

test(
  'CLI-36 dev keeps the last good version on an error, and shows file, line, column and a code frame',
  inBoth(async (t, isolation) => {
    const here = await place(t);
    await clockPackage(here, 'clock');
    const node = await dev(here, ['--isolation', isolation, 'clock']);
    const file = join(here.folder, 'clock/src/now.ts');
    await writeFile(file, `${now(`'two'`)}const a = ;\n`);
    const [syntax] = (await node.next('kept', 'clock')).problems ?? [];
    assert.deepEqual([syntax?.file, syntax?.line, syntax?.column], [file, 11, 11]);
    assert.equal(syntax?.frame?.split('\n')[2], '> 11 | const a = ;');
    assert.equal(syntax?.frame?.split('\n')[3], `     | ${' '.repeat(10)}^`);
    assert.deepEqual(await node.call('clock/now'), { word: 'one' });

    await writeFile(file, `${now(`'two'`)}throw new Error('at load');\n`);
    const [thrown] = (await node.next('kept', 'clock')).problems ?? [];
    assert.match(thrown?.message ?? '', /its module threw: at load/);
    assert.deepEqual([thrown?.file, thrown?.line], [file, 11]);
    assert.deepEqual(await node.call('clock/now'), { word: 'one' });

    await writeFile(file, now(`'three'`));
    await node.next('reloaded', 'clock');
    assert.deepEqual(await node.call('clock/now'), { word: 'three' });
    assert.equal(await node.stop('SIGTERM'), 0);
    assert.deepEqual(await left(here), []);
  }),
);

test(
  'dev shows type errors with their places while the code that has them is served',
  inBoth(async (t, isolation) => {
    const here = await place(t);
    await clockPackage(here, 'clock');
    await files(here, {
      'clock/tsconfig.json': JSON.stringify({
        compilerOptions: {
          strict: true,
          module: 'nodenext',
          target: 'es2022',
          noEmit: true,
          allowImportingTsExtensions: true,
          skipLibCheck: true,
          types: [],
        },
        include: ['src'],
      }),
      'clock/src/word.ts': 'export interface Word { text: string }\n',
    });
    await symlink(modules, join(here.folder, 'clock/node_modules'));
    const node = await dev(here, ['--isolation', isolation, 'clock']);
    assert.deepEqual((await node.next('types', 'clock')).problems, []);
    const file = join(here.folder, 'clock/src/now.ts');
    await writeFile(
      file,
      `import type { Word } from './word.ts';\n${now(`({ text: 'typed' } satisfies Word).text`)}`,
    );
    await node.next('reloaded', 'clock');
    assert.deepEqual((await node.next('types', 'clock')).problems, []);

    // A file of types alone is no part of what runs.
    await writeFile(join(here.folder, 'clock/src/word.ts'), 'export interface Word { text: number }\n');
    const [problem] = (await node.next('types', 'clock')).problems ?? [];
    assert.match(problem?.message ?? '', /^TS2322: Type 'string' is not assignable to type 'number'/);
    assert.deepEqual([problem?.file, problem?.line], [file, 10]);
    assert.match(problem?.frame ?? '', /^> 10 \|/m);
    assert.deepEqual(await node.call('clock/now'), { word: 'typed' });

    await writeFile(join(here.folder, 'clock/src/word.ts'), 'export interface Word { text: string }\n');
    assert.deepEqual((await node.next('types', 'clock')).problems, []);
    // While it looks once more.
    await writeFile(join(here.folder, 'clock/src/word.ts'), 'export interface Word { text: boolean }\n');
    assert.equal(await node.stop(), 0);
    assert.deepEqual(await left(here), []);
  }),
);

test(
  'dev lets what is in progress end on the old code, and calls the new beside it',
  inBoth(async (t, isolation) => {
    const here = await place(t);
    const source = (word: string) => `import { definePlugin, defineOperation, Type } from '@alknet/sdk';
    const words = defineOperation({ name: 'clock/words', type: 'subscription', access: 'public', input: Type.Object({}), output: Type.Any(),
      async *handler(_input, { signal }) { while (!signal.aborted) { yield '${word}'; await new Promise((resolve) => setTimeout(resolve, 5)); } } });
    export default definePlugin({ name: 'clock', version: '1.0.0', operations: [words], alpns: ['clock/say'],
      start: () => ({ async connection(connection) {
        for await (const stream of connection) {
          stream.on('error', () => {});
          stream.on('data', (chunk) => stream.write(chunk + ' ${word}'));
        }
      } }) });`;
    await here.write('clock.ts', source('old'));
    const node = await dev(here, ['--isolation', isolation, 'clock.ts']);
    const session = await node.session();
    t.after(() => session.close());
    const running = session.subscribe('clock/words', {})[Symbol.asyncIterator]();
    assert.equal((await running.next()).value, 'old');
    const before = await says(t, node);
    assert.equal(await before('one'), 'one old');
    await here.write('clock.ts', source('new'));
    await node.next('reloaded', 'clock');
    for await (const word of session.subscribe('clock/words', {})) {
      assert.equal(word, 'new');
      break;
    }
    assert.equal((await running.next()).value, 'old');
    assert.equal(await before('two'), 'two old');
    const after = await says(t, node);
    assert.equal(await after('three'), 'three new');
    await running.return?.();
    assert.equal(await node.stop(), 0);
  }),
);

test('after fifty reloads of a plugin in its thread the status of the node advises a restart', async (t) => {
  const here = await place(t);
  await here.write(
    'clock.ts',
    `import { definePlugin } from '@alknet/sdk'; export default definePlugin({ name: 'clock', version: '1.0.0' });`,
  );
  const node = await dev(here, [...inlineDev, 'clock.ts']);
  const session = await node.session();
  t.after(() => session.close());
  const problems = async () =>
    ((await session.call('host/status', {})) as { problems: { where: string; message: string }[] }).problems;
  for (let i = 0; i < 49; i++) await session.call('host/plugins/reload', { name: 'clock' });
  assert.deepEqual(await problems(), []);
  await session.call('host/plugins/reload', { name: 'clock' });
  const [problem] = await problems();
  assert.equal(problem?.where, 'plugins.clock');
  assert.match(problem?.message ?? '', /^was reloaded 50 times .*: restart the node$/);
  assert.equal(await node.stop(), 0);
});

import assert from 'node:assert/strict';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { eventually } from '../config/support.ts';
import { type Bench, bench, inline, source } from './support.ts';

/** A plugin that says which code of it runs. */
const saying = (node: Bench, word: string, before = '') =>
  source('clock', { before, start: `globalThis.${node.key}.push(${word}); return {};` });

const said = (node: Bench, word: string) => eventually(() => node.seen.at(-1) === word);

const failure = (node: Bench) => node.supervisor.rows()[0]?.error;

async function running(node: Bench, text: string): Promise<void> {
  await node.write('clock.ts', text);
  await node.apply({ clock: inline('./clock.ts') });
  assert.equal(failure(node), undefined);
}

test('CFG-22 a saved source is in use within a second, and what it imports too, node_modules excepted', async (t) => {
  const node = await bench(t, { sourceQuiet: 30 });
  await node.write('node_modules/dep/package.json', '{"name":"dep","main":"./index.js"}');
  await node.write('node_modules/dep/index.js', `export const dep = 'dep';`);
  await node.write('lib/word.ts', `export const word = 'one';`);
  const imports = `import { word } from './lib/word.ts'; import { dep } from 'dep';`;
  await running(node, saying(node, 'word + dep', imports));
  assert.deepEqual(node.seen, ['onedep']);
  await node.write('lib/word.ts', `export const word = 'two';`);
  assert.ok((await said(node, 'twodep')) < 1000);
  await node.write('node_modules/dep/index.js', `export const dep = 'other';`);
  await node.write('clock.ts', saying(node, 'word + word', imports));
  assert.ok((await said(node, 'twotwo')) < 1000);
  // The change below node_modules was no reason of its own.
  assert.deepEqual(node.seen, ['onedep', 'twodep', 'twotwo']);
});

test('CFG-22 a syntax error keeps the old version and names file, line and column; the next save is taken', async (t) => {
  const node = await bench(t, { sourceQuiet: 30 });
  await running(node, saying(node, `'one'`));
  const instance = node.supervisor.instance('clock');
  await node.write('clock.ts', `${saying(node, `'two'`)}\nconst a = ;\nconst b = ;\n`);
  await eventually(() => failure(node) !== undefined);
  assert.match(failure(node)?.message ?? '', /\/clock\.ts:10:11: Unexpected ";"/);
  assert.deepEqual(failure(node)?.place, { file: join(node.directory, 'clock.ts'), line: 10, column: 11 });
  assert.equal(node.supervisor.instance('clock'), instance);
  assert.equal(node.supervisor.rows()[0]?.state, 'running');
  await node.write('clock.ts', saying(node, `'three'`));
  await said(node, 'three');
  await eventually(() => failure(node) === undefined);
  assert.deepEqual(node.seen, ['one', 'three']);
});

test('CFG-22 each fault that a build finds is told with its place', async (t) => {
  const node = await bench(t, { sourceQuiet: 30 });
  await running(node, saying(node, `'one'`));
  await node.write('a.ts', 'export const a = ;\n');
  await node.write('b.ts', '\nexport const b = ;\n');
  await node.write(
    'clock.ts',
    saying(node, 'a + b', `import { a } from './a.ts'; import { b } from './b.ts';`),
  );
  await eventually(() => failure(node) !== undefined);
  const places = failure(node)?.problems.map(({ place }) => `${place?.file}:${place?.line}:${place?.column}`);
  assert.deepEqual(places?.sort(), [join(node.directory, 'a.ts:1:18'), join(node.directory, 'b.ts:2:18')]);
  await node.write('a.ts', `export const a = 'a';`);
  await node.write('b.ts', `export const b = 'b';`);
  await said(node, 'ab');
});

test('a file that a source imports before it is written is waited for, its directory too', async (t) => {
  const node = await bench(t, { sourceQuiet: 30 });
  await running(node, saying(node, `'one'`));
  await node.write('clock.ts', saying(node, 'word', `import { word } from './deep/down/word.js';`));
  await eventually(() => failure(node) !== undefined);
  assert.match(failure(node)?.message ?? '', /Could not resolve "\.\/deep\/down\/word\.js"/);
  await node.write('deep/down/word.ts', `export const word = 'written';`);
  await said(node, 'written');
});

test('a file that an editor replaces by rename, or deletes and makes again, is followed each time', async (t) => {
  const node = await bench(t, { sourceQuiet: 30 });
  const file = join(node.directory, 'lib/word.ts');
  await node.write('lib/word.ts', `export const word = 'w0';`);
  await running(node, saying(node, 'word', `import { word } from './lib/word.ts';`));
  const ways: ((text: string) => Promise<void>)[] = [
    async (text) => {
      await writeFile(`${file}~`, text);
      await rename(`${file}~`, file);
    },
    async (text) => {
      await rm(file);
      await eventually(() => failure(node) !== undefined);
      await writeFile(file, text);
    },
    async (text) => {
      await rename(file, `${file}.bak`);
      await writeFile(file, text);
    },
    async (text) => {
      // As a version control system that changes the branch.
      await rm(dirname(file), { recursive: true });
      await eventually(() => failure(node) !== undefined);
      await mkdir(dirname(file));
      await writeFile(file, text);
    },
    async (text) => {
      await rename(dirname(file), `${dirname(file)}-old`);
      await mkdir(dirname(file));
      await writeFile(file, text);
    },
    (text) => writeFile(file, text),
  ];
  for (let round = 0; round < 2; round++) {
    for (const [index, save] of ways.entries()) {
      const word = `r${round}w${index}`;
      await save(`export const word = '${word}';`);
      await said(node, word);
      await eventually(() => failure(node) === undefined);
      await rm(`${dirname(file)}-old`, { recursive: true, force: true });
    }
  }
});

test('a link to a directory that is pointed elsewhere leads to the code there', async (t) => {
  const node = await bench(t, { sourceQuiet: 30 });
  await node.write('v1/clock.ts', saying(node, `'v1'`));
  await node.write('v2/clock.ts', saying(node, `'v2'`));
  const link = join(node.directory, 'current');
  await symlink('v1', link);
  await node.apply({ clock: inline('./current/clock.ts') });
  assert.deepEqual(node.seen, ['v1']);
  await symlink('v2', `${link}~`);
  await rename(`${link}~`, link);
  await said(node, 'v2');
  await node.write('v2/clock.ts', saying(node, `'v2 changed'`));
  await said(node, 'v2 changed');
  await node.write('v1/clock.ts', saying(node, `'v1 changed'`));
  await rm(link);
  await eventually(() => failure(node) !== undefined);
  await symlink('v1', link);
  await said(node, 'v1 changed');
});

test('a storm of saves ends in few reloads, and in the last word', async (t) => {
  const node = await bench(t, { sourceQuiet: 30 });
  await running(node, saying(node, `'w0'`));
  for (let i = 1; i <= 200; i++) await node.write('clock.ts', saying(node, `'w${i}'`));
  await said(node, 'w200');
  assert.ok(node.seen.length < 50, `${node.seen.length} starts`);
});

test('a save during a start that takes long has the last word at once', async (t) => {
  const node = await bench(t, { sourceQuiet: 30 });
  await running(node, saying(node, `'one'`));
  const old = node.supervisor.instance('clock');
  await node.write(
    'clock.ts',
    source('clock', {
      start: `globalThis.${node.key}.push('hangs');
        host.signal.addEventListener('abort', () => globalThis.${node.key}.push('given up'));
        return new Promise(() => {});`,
    }),
  );
  await said(node, 'hangs');
  assert.equal(node.supervisor.instance('clock'), old);
  // Far below the 10 s that a start may take.
  await node.write('clock.ts', saying(node, `'three'`));
  assert.ok((await said(node, 'three')) < 2000);
  assert.deepEqual(node.seen, ['one', 'hangs', 'given up', 'three']);
  await eventually(() => node.supervisor.instance('clock') !== old);
  assert.equal(failure(node), undefined);
});

test('the same bytes again change nothing, unless they failed', async (t) => {
  const node = await bench(t, { sourceQuiet: 30 });
  const flag = join(node.directory, 'flag');
  const text = source('clock', {
    before: `import { existsSync } from 'node:fs';`,
    start: `globalThis.${node.key}.push('try'); if (!existsSync(${JSON.stringify(flag)})) throw new Error('not yet'); return {};`,
  });
  await node.write('clock.ts', text);
  await node.apply({ clock: inline('./clock.ts') });
  assert.match(failure(node)?.message ?? '', /clock\.ts:\d+:\d+: start\(\) threw: not yet/);
  await node.write('flag', '');
  await node.write('clock.ts', text);
  await eventually(() => node.supervisor.rows()[0]?.state === 'running');
  const instance = node.supervisor.instance('clock');
  await node.write('clock.ts', text);
  // What comes after it in the same directory has been seen after it.
  await node.write('clock.ts', `${text}\n// changed`);
  await eventually(() => node.supervisor.instance('clock') !== instance);
  assert.deepEqual(node.seen, ['try', 'try', 'try']);
});

test('a plugin that failed at the start of the node runs when its source is corrected', async (t) => {
  const node = await bench(t, { sourceQuiet: 30 });
  await node.write('clock.ts', 'const a = ;');
  await node.apply({ clock: inline('./clock.ts') });
  assert.equal(node.supervisor.rows()[0]?.state, 'failed');
  await node.write('clock.ts', saying(node, `'corrected'`));
  await said(node, 'corrected');
});

test('CFG-24 a manifest corrected after the module is a reload too', async (t) => {
  const node = await bench(t, { sourceQuiet: 30 });
  const manifest = (version: string) =>
    JSON.stringify({ name: 'acme-clock', version, alknet: { plugin: './clock.ts', name: 'clock' } });
  const code = (version: string) =>
    source('clock', { version, start: `globalThis.${node.key}.push('${version}'); return {};` });
  await node.write('pkg/package.json', manifest('1.0.0'));
  await node.write('pkg/clock.ts', code('1.0.0'));
  await node.apply({ clock: inline('./pkg') });
  await node.write('pkg/clock.ts', code('2.0.0'));
  await eventually(() => failure(node) !== undefined);
  assert.match(
    failure(node)?.message ?? '',
    /version differs: package\.json says "1\.0\.0", the module says "2\.0\.0"/,
  );
  await node.write('pkg/package.json', manifest('2.0.0'));
  await said(node, '2.0.0');
  await eventually(() => node.supervisor.rows()[0]?.instance?.version === '2.0.0');
});

test('CFG-35 new code that requests more gets nothing that the grant does not say', async (t) => {
  const node = await bench(t, { sourceQuiet: 30 });
  const code = (scopes: string[]) =>
    source('clock', {
      members: `requests: { scopes: ${JSON.stringify(scopes)}, gateway: ${scopes.length > 1} },`,
    });
  await node.write('clock.ts', code(['fs:read']));
  await node.apply({ clock: inline('./clock.ts', { grant: { scopes: ['fs:read'] } }) });
  await node.write('clock.ts', code(['fs:read', 'admin']));
  await eventually(() => node.supervisor.instance('clock')?.requests.gateway === true);
  const instance = node.supervisor.instance('clock');
  assert.deepEqual(instance?.privilege.authority?.scopes, ['fs:read']);
  assert.equal(instance?.granted.gateway, false);
  assert.deepEqual(
    node.supervisor.rows()[0]?.missing.map(({ entry }) => entry),
    ['admin', 'true'],
  );
});

test('a disabled plugin is not watched, and one that is enabled again is', async (t) => {
  const node = await bench(t, { sourceQuiet: 30 });
  await running(node, saying(node, `'one'`));
  await node.apply({ clock: inline('./clock.ts', { enabled: false }) });
  await node.write('clock.ts', saying(node, `'two'`));
  await node.apply({ clock: inline('./clock.ts') });
  await said(node, 'two');
  await node.write('clock.ts', saying(node, `'three'`));
  await said(node, 'three');
  assert.deepEqual(node.seen, ['one', 'two', 'three']);
});

test('after fifty reloads in the thread of the node a restart is advised, and replaced instances are let go', async (t) => {
  const node = await bench(t, { sourceQuiet: 30 });
  await running(node, saying(node, `'w0'`));
  const replaced: WeakRef<object>[] = [];
  // A function of its own: no variable of this one holds an instance.
  const remember = () => {
    const instance = node.supervisor.instance('clock');
    if (instance !== undefined) replaced.push(new WeakRef(instance));
  };
  for (let i = 1; i <= 50; i++) {
    remember();
    await node.supervisor.reload('clock');
    assert.equal(
      node.lines.some(({ event }) => event === 'plugin was reloaded often'),
      i === 50,
    );
  }
  assert.equal(node.supervisor.rows()[0]?.reloads, 50);
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  await eventually(() => {
    collect();
    return replaced.every((instance) => instance.deref() === undefined);
  });
  assert.equal(replaced.length, 50);
});

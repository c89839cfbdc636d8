import assert from 'node:assert/strict';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  type ConfigEvent,
  LiveConfig,
  type LiveOptions,
  loadConfig,
  watchFile,
} from '../../src/config/index.ts';
import { configFile, eventually, nowhere, temporary } from './support.ts';

async function live(path: string, options: LiveOptions = {}) {
  const events: ConfigEvent[] = [];
  const all = { surroundings: nowhere, ...options, onEvent: (event: ConfigEvent) => events.push(event) };
  return { config: new LiveConfig(await loadConfig(path, all), all), events };
}

async function watched(t: TestContext, path: string, file = path) {
  const node = await live(file);
  const watch = await watchFile(file, () => void node.config.reload());
  t.after(() => watch.close());
  return node;
}

const named = (name: string) => `{ "name": "${name}" }`;

test('CFG-01 a reload changes limits, plugins and names in force, and the next reader sees it', async (t) => {
  const path = await configFile(t, '{ "limits": { "connections": 10 } }');
  const { config } = await live(path);
  await writeFile(path, '{ "limits": { "connections": 20 }, "plugins": { "call": true } }');
  assert.equal((await config.reload()).taken, true);
  assert.equal(config.current.limits.connections, 20);
  assert.equal(config.current.plugins['call']?.enabled, true);
});

test('CFG-02 a reader during a reload sees the old or the new configuration whole', async (t) => {
  const text = (n: number) => JSON.stringify({ name: `n${n}`, limits: { connections: n } });
  const path = await configFile(t, text(1));
  const { config } = await live(path);
  let reading = true;
  const seen = new Set<string>();
  const reader = (async () => {
    while (reading) {
      const { name, limits } = config.current;
      assert.equal(name, `n${limits.connections}`);
      seen.add(name);
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  const held = config.current;
  for (let n = 2; n < 30; n++) {
    await writeFile(path, text(n));
    await config.reload();
  }
  reading = false;
  await reader;
  assert.ok(seen.size > 1);
  assert.equal(held.name, 'n1');
  assert.ok(Object.isFrozen(held) && Object.isFrozen(held.limits));
});

test('CFG-03 an invalid edit keeps the running configuration and reports path, line, column, expected and found', async (t) => {
  const path = await configFile(t, named('good'));
  const { config, events } = await live(path);
  const before = config.current;
  await writeFile(path, '{ "name": "new",\n  "limits": { "drain": "soon" } }');
  const result = await config.reload();
  assert.equal(result.taken, false);
  assert.equal(config.current, before);
  const [problem] = config.error?.problems ?? [];
  assert.deepEqual(problem, {
    pointer: '/limits/drain',
    line: 2,
    column: 24,
    message: 'expected a duration such as 2 or "2s", found "soon"',
    expected: 'a duration such as 2 or "2s"',
    received: '"soon"',
  });
  assert.match(config.error?.message ?? '', new RegExp(`^${path}:2:24  limits\\.drain: `));
  assert.deepEqual(
    events.map(({ kind }) => kind),
    ['refused'],
  );
  await writeFile(path, named('better'));
  await config.reload();
  assert.equal(config.current.name, 'better');
  assert.equal(config.error, undefined);
});

test('CFG-03 what a running plugin does not take refuses the whole', async (t) => {
  const path = await configFile(t, named('a'));
  const check = async () => [{ path: ['plugins', 'x', 'config', 'units'], message: 'must be text' }];
  const { config } = await live(path, { check });
  await writeFile(
    path,
    '{ "name": "b",\n "plugins": { "x": { "use": "./x.ts", "config": {\n "units": 1 } } } }',
  );
  assert.equal((await config.reload()).taken, false);
  assert.equal(config.current.name, 'a');
  assert.deepEqual(
    [config.error?.problems[0]?.line, config.error?.problems[0]?.pointer],
    [3, '/plugins/x/config/units'],
  );
});

test('CFG-15 saving in place, by rename and through a symbolic link are each noticed within 1 s', async (t) => {
  const directory = await temporary(t);
  const file = join(directory, 'alknet.config.json');
  for (const version of ['one', 'two']) {
    await mkdir(join(directory, version));
    await writeFile(join(directory, version, 'real.json'), named(`link-${version}`));
  }
  await symlink('one', join(directory, 'current'));
  await writeFile(file, named('start'));
  const link = join(directory, 'linked.json');
  await symlink('current/real.json', link);
  const [plain, linked] = [await watched(t, file), await watched(t, link)];

  await writeFile(file, named('in-place'));
  assert.ok((await eventually(() => plain.config.current.name === 'in-place')) < 1000);
  await writeFile(`${file}.tmp`, named('renamed'));
  await rename(`${file}.tmp`, file);
  assert.ok((await eventually(() => plain.config.current.name === 'renamed')) < 1000);
  await writeFile(file, named('again'));
  assert.ok((await eventually(() => plain.config.current.name === 'again')) < 1000);

  await writeFile(join(directory, 'one/real.json'), named('behind the link'));
  assert.ok((await eventually(() => linked.config.current.name === 'behind the link')) < 1000);
  await symlink('two', join(directory, 'next'));
  await rename(join(directory, 'next'), join(directory, 'current'));
  assert.ok((await eventually(() => linked.config.current.name === 'link-two')) < 1000);
  await writeFile(join(directory, 'two/real.json'), named('behind the new link'));
  assert.ok((await eventually(() => linked.config.current.name === 'behind the new link')) < 1000);
});

test('CFG-15 a half-written file is never applied', async (t) => {
  const path = await configFile(t, named('old'));
  const node = await watched(t, path);
  const text = JSON.stringify({ name: 'new', limits: { connections: 7 } });
  for (let end = 1; end < text.length; end += 8) {
    await writeFile(path, text.slice(0, end));
    await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(node.config.current.name, 'old');
  }
  await writeFile(path, text);
  await eventually(() => node.config.current.name === 'new');
  assert.ok(
    node.events.every((event) => event.kind !== 'applied' || event.revision === node.config.revision),
  );
});

test('CFG-16 a reload that is asked for takes the file without any change event', async (t) => {
  const path = await configFile(t, named('a'));
  const { config } = await live(path);
  await writeFile(path, named('b'));
  const onHangup = () => void config.reload();
  process.on('SIGHUP', onHangup);
  t.after(() => process.off('SIGHUP', onHangup));
  process.kill(process.pid, 'SIGHUP');
  await eventually(() => config.current.name === 'b');
});

test('CFG-17 a changed listen or dataDir is not applied, is told once, and waits until changed back', async (t) => {
  const path = await configFile(t, '{ "dataDir": "a" }');
  const { config, events } = await live(path);
  const running = config.current;
  const told = () => events.filter(({ kind }) => kind === 'restart-needed');
  await writeFile(path, '{ "dataDir": "b", "listen": { "tls": false }, "name": "n" }');
  await config.reload();
  assert.deepEqual(config.restartNeeded, ['dataDir', 'listen']);
  assert.equal(config.current.dataDir, running.dataDir);
  assert.deepEqual(config.current.listen, running.listen);
  assert.equal(config.current.name, 'n');
  await writeFile(path, '{ "dataDir": "b", "listen": { "tls": false }, "name": "m" }');
  await config.reload();
  assert.equal(told().length, 1);
  await writeFile(path, '{ "dataDir": "a" }');
  await config.reload();
  assert.deepEqual(config.restartNeeded, []);
});

test('CFG-18 an emptied or deleted file changes nothing but the reported error; restoring it clears that', async (t) => {
  const path = await configFile(t, named('kept'));
  const { config } = await watched(t, path);
  const before = config.current;
  await writeFile(path, '');
  await eventually(() => config.error !== undefined);
  assert.match(config.error?.message ?? '', /empty file/);
  await rm(path);
  await eventually(() => /found none/.test(config.error?.message ?? ''));
  assert.equal(config.current, before);
  await writeFile(path, named('kept'));
  await eventually(() => config.error === undefined);
  assert.equal(config.current, before);
});

test('CFG-19 a hundred edits in a second end in the last one being in force', async (t) => {
  const path = await configFile(t, named('n0'));
  const { config } = await watched(t, path);
  for (let n = 1; n <= 100; n++) {
    await writeFile(path, named(`n${n}`));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.ok((await eventually(() => config.current.name === 'n100')) < 1000);
});

test('CFG-19 changes while one is being applied end in one more reload, of the last content', async (t) => {
  const path = await configFile(t, named('n0'));
  const applied: string[] = [];
  let release = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { config } = await live(path, {
    apply: async ({ name }) => {
      applied.push(name);
      if (applied.length === 1) await gate;
    },
  });
  await writeFile(path, named('n1'));
  const first = config.reload();
  await eventually(() => applied.length === 1);
  const later = [];
  for (const n of [2, 3, 4]) {
    await writeFile(path, named(`n${n}`));
    later.push(config.reload());
  }
  release();
  await Promise.all([first, ...later]);
  assert.deepEqual(applied, ['n1', 'n4']);
});

import assert from 'node:assert/strict';
import { chmod, lstat, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { ConfigError, editConfig, editText, LiveConfig, loadConfig } from '../../src/config/index.ts';
import { configFile, nowhere } from './support.ts';

const original = `// my node
{
    "name": "a", /* short */
    "plugins": {
        "call": true,   // keep
        "ssh": { "enabled": true, },
    },
}
`;
const options = { surroundings: nowhere };

test('CFG-49 a command that changes one key leaves every other byte of the file as it was', async (t) => {
  const path = await configFile(t, original);
  await chmod(path, 0o640);
  await editConfig(path, [{ path: ['plugins', 'ssh', 'enabled'], value: false }], options);
  assert.equal(await readFile(path, 'utf8'), original.replace('"enabled": true', '"enabled": false'));
  assert.equal((await stat(path)).mode & 0o777, 0o640);
  await editConfig(path, [{ path: ['name'], value: 'b' }], options);
  assert.match(await readFile(path, 'utf8'), /"name": "b", \/\* short \*\//);
  await editConfig(path, [{ path: ['plugins', 'git'], value: true }], options);
  const added = '        "ssh": { "enabled": false, },\n        "git": true,\n';
  const text = await readFile(path, 'utf8');
  assert.equal(text, original.replace('"a"', '"b"').replace('        "ssh": { "enabled": true, },\n', added));
  assert.equal((await loadConfig(path, options)).config.plugins['git']?.enabled, true);
  assert.deepEqual(await readdir(dirname(path)), ['alknet.config.json']);
});

test('CFG-49 adding and removing keys moves nothing else, whatever the layout', () => {
  const edited = (text: string, path: string[], value: unknown) => editText(text, [{ path, value }]);
  assert.equal(edited('{}', ['a', 'b'], 1), '{\n  "a": {\n    "b": 1\n  }\n}');
  assert.equal(edited('{ "a": { "x": 1 } }', ['a', 'b'], [2]), '{ "a": { "x": 1, "b": [2] } }');
  assert.equal(edited('{ "a": { "x": 1, } }', ['a', 'b'], 2), '{ "a": { "x": 1, "b": 2, } }');
  assert.equal(edited('{\n  "a": 1 // one\n}', ['b'], 2), '{\n  "a": 1, // one\n  "b": 2\n}');
  assert.equal(edited('{\n  "a": 1, // one\n}', ['b'], 2), '{\n  "a": 1, // one\n  "b": 2,\n}');
  assert.equal(edited('{\r\n\t"a": true\r\n}', ['a', 'b'], 2), '{\r\n\t"a": {\r\n\t\t"b": 2\r\n\t}\r\n}');
  assert.equal(
    edited('{\n  "a": 1,\n  "b": 2, // two\n  "c": 3\n}', ['a'], undefined),
    '{\n  "b": 2, // two\n  "c": 3\n}',
  );
  assert.equal(edited('{\n  "b": 2, // two\n  "c": 3\n}', ['b'], undefined), '{\n  // two\n  "c": 3\n}');
  assert.equal(edited('{ "a": 1, "b": 2 }', ['c'], undefined), '{ "a": 1, "b": 2 }');
});

test('CFG-49 a link to the file stays a link', async (t) => {
  const path = await configFile(t, original);
  const link = join(dirname(path), 'link.json');
  await symlink('alknet.config.json', link);
  await editConfig(link, [{ path: ['name'], value: 'b' }], options);
  assert.ok((await lstat(link)).isSymbolicLink());
  assert.match(await readFile(path, 'utf8'), /"name": "b"/);
});

test('CFG-50 an edit that the node refuses is undone', async (t) => {
  const path = await configFile(t, original);
  const check = async () => [{ path: ['name'], message: 'not this one' }];
  const node = new LiveConfig(await loadConfig(path, options), { ...options, check });
  await assert.rejects(
    editConfig(path, [{ path: ['name'], value: 'b' }], { ...options, taken: () => node.reload() }),
    /not this one/,
  );
  assert.equal(await readFile(path, 'utf8'), original);
  assert.equal(node.error, undefined);
});

test('CFG-50 an edit that makes the file invalid writes nothing', async (t) => {
  const path = await configFile(t, original);
  await assert.rejects(
    editConfig(path, [{ path: ['limits', 'drain'], value: 'soon' }], options),
    ConfigError,
  );
  assert.equal(await readFile(path, 'utf8'), original);
});

test('CFG-50 an edit that races with another writer loses neither change', async (t) => {
  const path = await configFile(t, original);
  let raced = false;
  const beforeWrite = async () => {
    if (raced) return;
    raced = true;
    await writeFile(path, original.replace('"call": true', '"call": false'));
  };
  await editConfig(path, [{ path: ['name'], value: 'b' }], { ...options, beforeWrite });
  const { config } = await loadConfig(path, options);
  assert.deepEqual([config.name, config.plugins['call']?.enabled], ['b', false]);

  let n = 0;
  const always = async () => writeFile(path, original.replace('"a"', `"other${n++}"`));
  await assert.rejects(
    editConfig(path, [{ path: ['name'], value: 'c' }], { ...options, beforeWrite: always }),
    /changed it 3 times/,
  );
  assert.match(await readFile(path, 'utf8'), /"other2"/);
});

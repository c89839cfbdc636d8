import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { CallError } from '@alknet/sdk';
import { boss, type LabNode, tool } from '../peers/support.ts';
import { code, configPath, lab, records } from './support.ts';

const stateOf = (node: LabNode, plugin: string) =>
  node.running.status().plugins.find(({ name }) => name === plugin)?.state;

test('REG-69 disabling a plugin by operation changes the configuration file, keeps its comments, and survives a restart', async (t) => {
  const { node, root } = await lab(t, { tool });
  const path = configPath(node);
  const written = JSON.parse(await readFile(path, 'utf8')) as object;
  const text = `// mine\n${JSON.stringify(written, null, 2)} // to the end\n`;
  await writeFile(path, text);
  await node.running.reload();

  assert.deepEqual(await root.call('host/plugins/disable', { name: 'tool' }), { state: 'disabled' });
  const edited = await readFile(path, 'utf8');
  assert.match(edited, /^\/\/ mine\n/);
  assert.match(edited, / \/\/ to the end\n$/);
  assert.match(edited, /"enabled": false/);
  assert.equal(edited.replace(/,\s*"enabled": false/, ''), text, 'no other byte is touched');
  assert.equal(await code(node.call('tool/echo', 1)), 'NOT_FOUND');
  const [record] = records(node);
  assert.deepEqual(
    [record?.['level'], record?.['operation'], record?.['peer'], record?.['plugin']],
    ['notice', 'host/plugins/disable', 'root', 'tool'],
  );
  assert.equal(typeof record?.['id'], 'string');

  await node.stop();
  await node.startAgain();
  assert.equal(stateOf(node, 'tool'), 'disabled');
  assert.equal(await readFile(path, 'utf8'), edited);
});

test('REG-69 with persist: false it does not survive a restart, and the file is left alone', async (t) => {
  const { node, root } = await lab(t, { tool });
  const text = await readFile(configPath(node), 'utf8');
  const input = { name: 'tool', persist: false };
  assert.deepEqual(await root.call('host/plugins/disable', input), { state: 'disabled' });
  assert.equal(await readFile(configPath(node), 'utf8'), text);
  assert.equal(stateOf(node, 'tool'), 'disabled');
  // The file says "enabled" already: nothing is written, and it is enabled all the same.
  assert.deepEqual(await root.call('host/plugins/enable', { name: 'tool' }), { state: 'running' });
  assert.deepEqual(await root.call('host/plugins/disable', input), { state: 'disabled' });
  await node.stop();
  await node.startAgain();
  assert.equal(stateOf(node, 'tool'), 'running');
});

test('REG-69 a configuration that cannot be edited is left as it is, and so is the plugin', async (t) => {
  const { node, root } = await lab(t, { tool });
  await writeFile(configPath(node), '{ "plugins": ');
  assert.equal(await code(root.call('host/plugins/disable', { name: 'tool' })), 'CONFIG_NOT_WRITABLE');
  assert.equal(await readFile(configPath(node), 'utf8'), '{ "plugins": ');
  assert.equal(stateOf(node, 'tool'), 'running');
});

test('REG-69 a plugin that is unknown or does not load is told, with the place in its source', async (t) => {
  const { node, root } = await lab(t, { tool });
  for (const operation of ['enable', 'disable', 'reload'])
    assert.equal(await code(root.call(`host/plugins/${operation}`, { name: 'nothing' })), 'PLUGIN_NOT_FOUND');
  const source = join(node.folder, 'tool.ts');
  await writeFile(source, 'export default {{{');
  const error = (await root
    .call('host/plugins/reload', { name: 'tool' })
    .catch((reason: unknown) => reason)) as CallError;
  assert.equal(error.code, 'PLUGIN_FAILED');
  const { file, line } = error.details as { file: string; line: number };
  assert.deepEqual([file.endsWith('tool.ts'), line], [true, 1]);
  assert.equal(await code(node.call('tool/state')), 'FORBIDDEN', 'the running one goes on');
  await writeFile(source, tool.replace("version: '1.0.0'", "version: '2.0.0'"));
  const reloaded = (await root.call('host/plugins/reload', { name: 'tool' })) as Record<string, string>;
  assert.equal(reloaded['version'], '2.0.0');
  assert.equal(reloaded['revision'], node.running.status().registryRevision);
});

interface Row {
  readonly name: string;
  readonly provenance: { readonly name: string; readonly version: string; readonly package: string };
  readonly operations: readonly string[];
  readonly requested: object;
  readonly granted: Record<string, unknown>;
  readonly missing: readonly { readonly member: string; readonly entry: string; readonly add: string }[];
}

test('host/operations and host/plugins/list show provenance and privilege', async (t) => {
  const { node, reader, root } = await lab(t, { tool, boss });
  await node.configure({ plugins: { tool, boss }, reach: ['tool/*'] });
  const { plugins } = (await reader.call('host/plugins/list', {})) as { plugins: Row[] };
  const row = plugins.find(({ name }) => name === 'boss');
  const { provenance } = row ?? assert.fail();
  assert.deepEqual([provenance.name, provenance.version], ['boss', '1.0.0']);
  assert.match(provenance.package, /boss\.ts$/);
  assert.deepEqual(row?.requested, { operations: ['*', '@*:*'] });
  assert.deepEqual(row?.granted['operations'], ['tool/*']);
  assert.deepEqual(
    row?.missing.map(({ member, entry }) => [member, entry]),
    [
      ['operations', '*'],
      ['operations', '@*:*'],
    ],
  );
  assert.match(row?.missing[0]?.add ?? '', /^plugins\.boss\.grant: /);
  assert.ok(row?.operations.includes('boss/ask'));

  interface Registered {
    readonly name: string;
    readonly provenance: { readonly kind: string; readonly plugin: { readonly name: string } };
    readonly privilege: { readonly authority: { readonly label: string } | null; readonly reach: string[] };
  }
  const { operations } = (await root.call('host/operations', { limit: 1000 })) as {
    operations: Registered[];
  };
  for (const { name, provenance, privilege } of operations)
    assert.ok(provenance.plugin.name !== '' && Array.isArray(privilege.reach), name);
  const ask = operations.find(({ name }) => name === 'boss/ask');
  assert.deepEqual(
    [
      ask?.provenance.kind,
      ask?.provenance.plugin.name,
      ask?.privilege.authority?.label,
      ask?.privilege.reach,
    ],
    ['local', 'boss', 'plugin:boss', ['tool/*']],
  );
});

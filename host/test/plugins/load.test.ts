import assert from 'node:assert/strict';
import { test } from 'node:test';
import { satisfies } from '../../src/plugins/semver.ts';
import { type Bench, bench, inline, operation, source } from './support.ts';

async function failure(node: Bench, name: string, use: string): Promise<string> {
  await node.apply({ [name]: inline(use) });
  const row = node.supervisor.rows().find((candidate) => candidate.name === name);
  assert.equal(row?.state, 'failed');
  return row.error?.message ?? '';
}

const connection = 'return { connection() {} };';

async function packed(node: Bench, alknet: object, text: string, directory = 'pkg') {
  const manifest = { name: 'alknet-clock', version: '1.0.0', type: 'module', alknet };
  await node.write(`${directory}/package.json`, JSON.stringify(manifest));
  await node.write(`${directory}/src/plugin.ts`, text);
}

test('END-10 a second plugin claiming an ALPN is refused with an error naming both, and the first goes on', async (t) => {
  const node = await bench(t);
  await node.write('a.ts', source('a', { members: `alpns: ['a/1'],`, start: connection }));
  await node.apply({ a: inline('./a.ts') });
  const first = node.supervisor.instance('a');
  assert.ok(first);
  // Names keep third parties apart, so the claim is made where they meet: at the router.
  const twin = { name: 'b', builtIn: true, alpns: ['h2'], connection() {} };
  node.router.exchange(undefined, twin);
  const other = { ...twin, name: 'c' };
  assert.throws(() => node.router.exchange(undefined, other), /plugin c claims ALPN h2, which plugin b owns/);
  assert.equal(node.router.owner('h2'), twin);
  assert.equal(node.router.owner('a/1'), first);
});

test('END-10 two manifests that claim one ALPN are refused before any code runs', async (t) => {
  const node = await bench(t);
  const never = `throw new Error('ran');`;
  for (const name of ['a', 'b']) {
    await packed(node, { plugin: './src/plugin.ts', name, alpns: ['a/1'] }, never, name);
  }
  const findings = await node.supervisor.check(node.config({ a: inline('./a'), b: inline('./b') }));
  assert.deepEqual(findings, [
    { path: ['plugins', 'b'], message: 'claims ALPN a/1, which plugin a owns; disable one of the two' },
  ]);
});

test('END-24 a third-party plugin claiming alknet/x, h2 or the prefix of another plugin is refused at load', async (t) => {
  const node = await bench(t);
  for (const alpn of ['alknet/x', 'h2', 'other/1', 'acme-tls/1']) {
    await node.write(
      `${alpn}/evil.ts`,
      source('evil', { members: `alpns: ['${alpn}'],`, start: connection }),
    );
    assert.match(
      await failure(node, 'evil', `./${alpn}/evil.ts`),
      new RegExp(
        `plugin evil claims ALPN "${alpn}": (it belongs to (the built-in plugins|plugin other)|acme-tls/1 belongs to the host)`,
      ),
    );
    assert.equal(node.router.owner(alpn), undefined);
    await node.apply({});
  }
});

test('REG-34 an operation of a third party in the name of another is refused at load, and both owners are named', async (t) => {
  const node = await bench(t);
  for (const [name, owner] of [
    ['other/list', 'plugin other'],
    ['host/status', 'the host'],
    ['services/list', 'the host'],
    ['vault/unlock', 'nobody'],
  ]) {
    await node.write('evil.ts', source('evil', { members: operation(`${name}`) }));
    assert.match(
      await failure(node, 'evil', './evil.ts'),
      new RegExp(
        `plugin evil defines the operation "${name}", which belongs to ${owner}: expected a name that begins`,
      ),
    );
    await node.apply({});
  }
  assert.deepEqual(node.operationNames(), []);
});

test('REG-34 a plugin of a third party in the name of a built-in one, or of the host, is refused at load', async (t) => {
  const node = await bench(t);
  for (const [name, owner] of [
    ['http', 'the built-in plugin http'],
    ['dns', 'the built-in plugin dns'],
    ['alknet', 'the host'],
    ['host', 'the host'],
    ['vault', 'nobody'],
  ] as const) {
    await node.write('evil.ts', source(name));
    assert.match(
      await failure(node, name, './evil.ts'),
      new RegExp(`is named "${name}", which belongs to ${owner}`),
    );
    await node.apply({});
  }
});

test('CFG-23 a single TypeScript file without a package runs as a plugin', async (t) => {
  const node = await bench(t);
  await node.write('one.ts', source('one'));
  await node.apply({ one: inline('./one.ts') });
  assert.equal(node.supervisor.rows()[0]?.state, 'running');
});

test('CFG-24 a manifest that disagrees with the module is refused, and both values are shown', async (t) => {
  const node = await bench(t);
  const manifest = { plugin: './src/plugin.ts', name: 'clock', alpns: ['clock/1'] };
  await packed(node, manifest, source('clock', { members: `alpns: ['clock/2'],`, start: connection }));
  assert.match(
    await failure(node, 'clock', './pkg'),
    /alpns differs: package\.json says \["clock\/1"\], the module says \["clock\/2"\]/,
  );
  assert.deepEqual(node.operationNames(), []);
  await packed(
    node,
    manifest,
    source('clock', { version: '2.0.0', members: `alpns: ['clock/1'],`, start: connection }),
    'p2',
  );
  assert.match(
    await failure(node, 'clock', './p2'),
    /version differs: package\.json says "1\.0\.0", the module says "2\.0\.0"/,
  );
  await packed(
    node,
    manifest,
    source('clock', { members: `alpns: ['clock/1'], requests: { gateway: true },`, start: connection }),
    'p3',
  );
  assert.match(await failure(node, 'clock', './p3'), /requests differs/);
});

test('CFG-24 a malformed manifest is refused by the name of its member', async (t) => {
  const node = await bench(t);
  await packed(node, { plugin: './src/plugin.ts', name: 'clock', alpn: [] }, source('clock'));
  assert.match(
    await failure(node, 'clock', './pkg'),
    /package\.json: alknet\/alpn: unknown key; did you mean "alpns"/,
  );
});

test('CFG-27 a plugin for another SDK version is refused with both versions, and none of its code runs', async (t) => {
  const node = await bench(t);
  const manifest = { plugin: './src/plugin.ts', name: 'clock', sdk: '^2.1.0' };
  await packed(node, manifest, `globalThis.${node.key}.push('ran');${source('clock')}`);
  assert.match(
    await failure(node, 'clock', './pkg'),
    /made for @alknet\/sdk \^2\.1\.0, and this node has 0\.1\.0/,
  );
  assert.deepEqual(node.seen, []);
});

test('CFG-27 ranges are read as npm reads them', () => {
  const holds: [string, string, boolean | undefined][] = [
    ['0.1.3', '^0.1.0', true],
    ['0.2.0', '^0.1.0', false],
    ['0.0.3', '^0.0.2', false],
    ['1.9.9', '^1.2', true],
    ['2.0.0', '^1.2', false],
    ['1.2.9', '~1.2.3', true],
    ['1.3.0', '~1.2.3', false],
    ['1.5.0', '1.x', true],
    ['1.5.0', '*', true],
    ['1.5.0', '>=1.2 <1.5', false],
    ['1.5.0', '>= 1.2.0 < 2', true],
    ['1.5.0', '1.0.0 - 1.5', true],
    ['3.0.0', '^1 || ^3', true],
    ['3.0.0', 'latest', undefined],
  ];
  for (const [version, range, expected] of holds)
    assert.equal(satisfies(version, range), expected, `${version} ${range}`);
});

test('CFG-25 a package is found from the directory of the file as Node finds it, and its manifest without its code', async (t) => {
  const node = await bench(t);
  const manifest = { plugin: './src/plugin.ts', name: 'clock', alpns: ['clock/1'] };
  await packed(
    node,
    manifest,
    source('clock', { members: `alpns: ['clock/1'],`, start: connection }),
    'node_modules/alknet-clock',
  );
  await node.apply({ clock: inline('alknet-clock') });
  assert.equal(node.supervisor.instance('clock')?.loaded.package, 'alknet-clock');
  const [finding] = await node.supervisor.check(node.config({ other: inline('alknet-other') }));
  assert.match(finding?.message ?? '', /leads to nothing; tried .*node_modules\/alknet-other/);
  const [misnamed] = await node.supervisor.check(node.config({ watch: inline('alknet-clock') }));
  assert.match(misnamed?.message ?? '', /the key is "watch", and the plugin in .* is named "clock"/);
});

test('a bundled plugin shares the sdk of the host, and its CommonJS dependencies find the modules of Node', async (t) => {
  const node = await bench(t);
  await node.write('node_modules/old/package.json', '{ "name": "old", "main": "index.js" }');
  await node.write('node_modules/old/index.js', `exports.sep = require('path').sep;`);
  await node.write(
    'one.ts',
    source('one', {
      before: `import old from 'old'; import { CallError } from '@alknet/sdk'; import { basename } from 'node:path';
        globalThis.${node.key}.push(old.sep, CallError, basename(import.meta.url));`,
    }),
  );
  await node.apply({ one: inline('./one.ts') });
  const { CallError } = await import('@alknet/sdk');
  assert.deepEqual(node.seen, ['/', CallError, 'one.ts']);
});

/** Plugins as they travel: packed and signed by an author, taken by an operator, tampered with by somebody else. */

import assert from 'node:assert/strict';
import { appendFile, chmod, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { parse } from 'jsonc-parser';
import { editConfig, type KeyEdit } from '../../src/config/index.ts';
import { shellIn } from './cli-support.ts';
import { eventually, made, type Place, place, up } from './support.ts';

interface Shape {
  readonly version?: string;
  readonly answer?: string;
  readonly requests?: object;
}

/** The package `@acme/clock`, which needs a module of another one. */
async function author(t: TestContext, { version = '1.0.0', answer = 'one', requests = {} }: Shape = {}) {
  const here = await place(t);
  await here.ok(['init', '--no-passphrase', '--listen', '127.0.0.1:0']);
  await writeClock(here, { version, answer, requests });
  const { keys } = JSON.parse(await here.ok(['vault', 'show', '--json'])) as {
    keys: { name: string; fingerprint: string }[];
  };
  return { here, key: keys.find(({ name }) => name === 'operator')?.fingerprint ?? assert.fail() };
}

async function writeClock(here: Place, { version = '1.0.0', answer = 'one', requests = {} }: Shape) {
  const write = async (path: string, text: string) => {
    await mkdir(dirname(join(here.folder, path)), { recursive: true });
    await here.write(path, text);
  };
  const alknet = { plugin: './src/plugin.ts', name: 'clock', requests, sdk: '^0.1.0' };
  const dependencies = { ticks: '2.1.0' };
  await write(
    'clock/package.json',
    JSON.stringify({ name: '@acme/clock', version, type: 'module', files: ['src'], dependencies, alknet }),
  );
  await write('clock/README.md', 'A clock.\n');
  await write(
    'clock/node_modules/ticks/package.json',
    '{ "name": "ticks", "version": "2.1.0", "main": "index.js" }',
  );
  await write('clock/node_modules/ticks/index.js', `exports.sep = require('node:path').sep;`);
  await write(
    'clock/src/plugin.ts',
    `import { defineOperation, definePlugin, Type } from '@alknet/sdk';
import ticks from 'ticks';
const now = defineOperation({ name: 'clock/now', type: 'query', access: 'authenticated', input: Type.Object({}),
  output: Type.String(), handler: () => '${answer}' + ticks.sep });
export default definePlugin({ name: 'clock', version: '${version}', requests: ${JSON.stringify(requests)}, operations: [now] });
`,
  );
}

const edit = (here: Place, edits: readonly KeyEdit[]) => editConfig(here.config, edits);
const entryOf = async (here: Place) =>
  parse(await here.read('alknet.config.json'), [], { allowTrailingComma: true }).plugins.clock;
const lockOf = async (here: Place) => JSON.parse(await here.read('alknet.lock.json')).plugins.clock;
const inline: KeyEdit = { path: ['plugins', 'clock', 'isolation'], value: 'inline' };

/** Changes a byte of the content and makes the archive whole again, as somebody who means harm does. */
async function flip(archive: string, text: string, to: string, target = archive) {
  const tar = gunzipSync(await readFile(archive));
  const at = tar.indexOf(text);
  assert.ok(at > 0, text);
  tar.write(to, at);
  await writeFile(target, gzipSync(tar));
}

test('CLI-40 plugin verify is content with what was packed and signed, and exits 11 for a changed byte', async (t) => {
  const { here, key } = await author(t);
  const dir = join(here.folder, 'clock');
  const file = join(here.folder, 'acme-clock-1.0.0.tgz');
  const packed = JSON.parse(await here.ok(['plugin', 'pack', dir, '--bundle', '--json']));
  assert.equal(packed.signer, null);
  assert.equal((await here.run(['plugin', 'verify', file])).code, 0);
  const signed = JSON.parse(await here.ok(['plugin', 'sign', file, '--json']));
  assert.equal(signed.integrity, packed.integrity);
  assert.equal(signed.signer, key);
  const verified = JSON.parse(await here.ok(['plugin', 'verify', file, '--key', key, '--json']));
  assert.deepEqual(
    [verified.name, verified.version, verified.integrity, verified.signer],
    ['clock', '1.0.0', packed.integrity, key],
  );

  const evil = join(here.folder, 'evil.tgz');
  const changes: [string, string, RegExp][] = [
    [`'one'`, `'two'`, /src\/plugin\.ts was changed/],
    ['"version": "1.0.0"', '"version": "1.0.1"', /package\.json was changed/],
    ['"signature": "', '"signature": "AAAAAA', /alknet\.sig\.json: signature/],
    [
      `"integrity": "sha256-`,
      `"integrity": "sha256-AAAA`,
      /alknet\.sig\.json: integrity: signed is sha256-AAAA/,
    ],
    ['"pluginVersion": "1.0.0"', '"pluginVersion": "9.9.9"', /alknet\.sig\.json: version: signed is 9\.9\.9/],
    ['alknet-plugin-files', 'alknet-plugin-filez', /alknet\.files\.json: expected digests/],
    ['"key": "ed25519:', '"key": "ed25519:00', /alknet\.sig\.json/],
  ];
  for (const [text, to, message] of changes) {
    await flip(file, text, to, evil);
    const { code, stderr } = await here.run(['plugin', 'verify', evil]);
    assert.equal(code, 11, `${text}: ${stderr}`);
    assert.match(stderr, message);
  }
  // A byte of the file as it lies on the disk, whichever it is.
  const bytes = await readFile(file);
  for (const at of [12, 600, 3000, bytes.length - 6]) {
    const broken = Buffer.from(bytes);
    broken[at] = (broken[at] ?? 0) ^ 1;
    await writeFile(evil, broken);
    assert.equal((await here.run(['plugin', 'verify', evil])).code, 11, String(at));
  }
  const other = `ed25519:${'ab'.repeat(32)}`;
  const { code, stderr } = await here.run(['plugin', 'verify', file, '--key', other]);
  assert.equal(code, 11);
  assert.ok(stderr.includes(`expected a signature by ${other}, found ${key}`));
  assert.equal((await here.run(['plugin', 'verify', join(here.folder, 'none.tgz')])).code, 7);
});

test('plugin pack makes the same bytes again, in another place and with another mask', async (t) => {
  const { here } = await author(t);
  const pack = (dir: string, out: string) =>
    here.ok(['plugin', 'pack', join(here.folder, dir), '--bundle', '-o', join(here.folder, out)]);
  await pack('clock', 'a.tgz');
  await cp(join(here.folder, 'clock'), join(here.folder, 'deep/er/clock'), { recursive: true });
  await chmod(join(here.folder, 'deep/er/clock/src/plugin.ts'), 0o664);
  await pack('deep/er/clock', 'b.tgz');
  assert.ok((await readFile(join(here.folder, 'a.tgz'))).equals(await readFile(join(here.folder, 'b.tgz'))));
});

test('CLI-39 plugin add grants nothing that was not named, shows what is requested, and says what is missing', async (t) => {
  const requests = {
    operations: ['fs/*'],
    gateway: true,
    secrets: ['weather'],
    resources: { bucket: ['read'] },
  };
  const { here } = await author(t, { requests });
  const archive = join(here.folder, 'acme-clock-1.0.0.tgz');
  await here.ok(['plugin', 'pack', join(here.folder, 'clock'), '--bundle']);
  const node = await made(t);
  const before = await node.read('alknet.config.json');
  const added = await node.run(['plugin', 'add', archive, '--yes', '--disabled']);
  assert.equal(added.code, 0, added.stderr);
  assert.match(added.stderr, /requests {3}operations=fs\/\* secrets=weather resources=bucket=read gateway/);
  assert.match(added.stdout, /not granted: operations=fs\/\* secrets=weather resources=bucket=read gateway/);
  assert.deepEqual(await entryOf(node), { use: './plugins/clock-1.0.0', enabled: false });
  const { lockedAt: _at, ...locked } = await lockOf(node);
  const { integrity } = JSON.parse(await here.ok(['plugin', 'verify', archive, '--json']));
  assert.deepEqual(locked, {
    package: '@acme/clock',
    version: '1.0.0',
    integrity,
    modules: 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=',
  });
  const text = await node.read('alknet.config.json');
  for (const line of before.split('\n').filter((each) => each.includes('//'))) assert.ok(text.includes(line));

  // What is named, and nothing beside it.
  await node.ok(['plugin', 'add', archive, '--grant', 'operations=fs/get', '--grant', 'gateway']);
  assert.deepEqual((await entryOf(node)).grant, { operations: ['fs/get'], gateway: true });
  const again = await node.ok(['plugin', 'add', archive, '--grant', 'resources=bucket=read']);
  assert.match(again, /not granted: operations=fs\/\* secrets=weather\n/);
  assert.deepEqual((await entryOf(node)).grant, {
    operations: ['fs/get'],
    gateway: true,
    resources: { bucket: ['read'] },
  });
  const listed = await node.ok(['plugin', 'list', '--grants']);
  assert.match(listed, /clock +secrets=weather +not granted/);
  assert.match(listed, /clock +gateway +granted/);

  for (const [grant, message] of [
    ['scopes=admin', /the plugin does not request it; it requests operations=fs\/\*/],
    ['operations=git/list', /does not request it/],
    ['everything', /expected scopes=NAME, operations=NAME/],
  ] as const) {
    const kept = await node.read('alknet.config.json');
    const { code, stderr } = await node.run(['plugin', 'add', archive, '--grant', grant]);
    assert.equal(code, 2);
    assert.match(stderr, message);
    assert.equal(await node.read('alknet.config.json'), kept);
  }
});

test('CLI-39 on a terminal plugin add asks for each request, and grants those that a person says yes to', async (t) => {
  const requests = { operations: ['fs/get', 'fs/put'], scopes: ['*'], gateway: true };
  const { here } = await author(t, { requests });
  await here.ok([
    'plugin',
    'pack',
    join(here.folder, 'clock'),
    '--bundle',
    '-o',
    join(here.folder, 'clock.tgz'),
  ]);
  const node = await made(t);
  const sh = await shellIn(node);
  const add = `alknet plugin add ${join(here.folder, 'clock.tgz')} --disabled --yes`;
  const { code, stdout } = await sh(`script -qec '${add}' /dev/null`, { input: 'n\ny\nn\n' });
  assert.equal(code, 0, stdout);
  for (const line of ['operations=fs/get', 'operations=fs/put', 'gateway'])
    assert.ok(stdout.includes(`grant ${line}?`), stdout);
  // "Whatever the operator names" cannot be said yes to.
  assert.ok(!stdout.includes('grant scopes'));
  assert.deepEqual((await entryOf(node)).grant, { operations: ['fs/put'] });
});

test('plugin add takes what npm fetches for a name, and no script of a package runs', async (t) => {
  const { here } = await author(t);
  const manifest = JSON.parse(await here.read('clock/package.json'));
  const { dependencies: _none, ...rest } = manifest;
  const touch = `touch ${join(here.folder, 'ran')}`;
  const scripts = Object.fromEntries(
    ['prepack', 'prepare', 'preinstall', 'install', 'postinstall'].map((name) => [name, touch]),
  );
  await here.write('clock/package.json', JSON.stringify({ ...rest, scripts }));
  const source = await here.read('clock/src/plugin.ts');
  await here.write('clock/src/plugin.ts', source.replace(/import ticks.*\n/, '').replace(' + ticks.sep', ''));
  const node = await made(t);
  // A name that npm finds without a registry.
  await node.ok(['plugin', 'add', `file:${join(here.folder, 'clock')}`, '--disabled']);
  assert.deepEqual(await entryOf(node), { use: './plugins/clock-1.0.0', enabled: false });
  assert.equal((await lockOf(node)).package, '@acme/clock');
  await assert.rejects(here.read('ran'), { code: 'ENOENT' });
  const missing = await node.run(['plugin', 'add', `file:${join(here.folder, 'nothing')}`]);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /npm pack failed/);
});

test('CFG-36 under locked a running node takes what plugin add locked, and refuses what was changed since, by name', async (t) => {
  const { here } = await author(t);
  await here.ok([
    'plugin',
    'pack',
    join(here.folder, 'clock'),
    '--bundle',
    '-o',
    join(here.folder, 'one.tgz'),
  ]);
  await writeClock(here, { version: '1.1.0', answer: 'two', requests: { gateway: true } });
  await here.ok([
    'plugin',
    'pack',
    join(here.folder, 'clock'),
    '--bundle',
    '-o',
    join(here.folder, 'two.tgz'),
  ]);
  const node = await made(t);
  await node.ok(['plugin', 'add', join(here.folder, 'one.tgz')]);
  await edit(node, [inline, { path: ['trust'], value: { mode: 'locked' } }]);
  await up(node);
  assert.equal(await node.ok(['call', 'clock/now']), 'one/\n');

  // One byte of a file that is no code.
  const root = join(node.folder, 'plugins/clock-1.0.0');
  await appendFile(join(root, 'README.md'), ' ');
  const refused = await node.run(['plugin', 'reload', 'clock']);
  assert.equal(refused.code, 1);
  const { integrity } = await lockOf(node);
  assert.ok(refused.stderr.includes('plugin clock is refused under trust.mode "locked"'), refused.stderr);
  assert.ok(refused.stderr.includes(`alknet.lock.json expects ${integrity}, found sha256-`));
  assert.ok(refused.stderr.includes('README.md was changed'), 'the digests of the package tell which file');
  assert.equal(await node.ok(['call', 'clock/now']), 'one/\n', 'the old instance stays');

  // Another version, taken by the operator: the running node follows lock and configuration.
  const updated = await node.run(['plugin', 'add', join(here.folder, 'two.tgz')]);
  assert.equal(updated.code, 0, updated.stderr);
  assert.match(updated.stderr, /in place of 1\.0\.0/);
  assert.match(updated.stderr, /changed {4}\+gateway/);
  assert.equal((await entryOf(node)).use, './plugins/clock-1.1.0');
  await eventually(
    'the new version',
    async () => (await node.run(['call', 'clock/now'])).stdout === 'two/\n',
  );
  const [row] = JSON.parse(await node.ok(['plugin', 'list', '--json'])).filter(
    ({ name }: { name: string }) => name === 'clock',
  );
  assert.equal(row.error, undefined);
  assert.equal(row.provenance.integrity, (await lockOf(node)).integrity);
  assert.deepEqual(row.missing, [
    { member: 'gateway', entry: 'true', add: 'plugins.clock.grant: { "gateway": true }' },
  ]);

  // A lock that somebody wrote: noticed as soon as it is there.
  const text = await node.read('alknet.lock.json');
  const forged = text.replace(/"integrity": "sha256-..../, '"integrity": "sha256-AAAA');
  await writeFile(join(node.folder, 'alknet.lock.json'), forged);
  await eventually('the forged lock', async () =>
    (await node.ok(['plugin', 'list', '--json'])).includes('expects sha256-AAAA'),
  );
  assert.equal(await node.ok(['call', 'clock/now']), 'two/\n');
  await writeFile(join(node.folder, 'alknet.lock.json'), text);
  await eventually(
    'the lock as it was',
    async () => !(await node.ok(['plugin', 'list', '--json'])).includes('expects sha256-AAAA'),
  );

  await node.ok(['plugin', 'rm', 'clock']);
  assert.equal(await entryOf(node), undefined);
  assert.equal(await lockOf(node), undefined);
});

test('CFG-37 under signed a node takes and runs what its publisher signed, and nothing else', async (t) => {
  const { here, key } = await author(t);
  const file = (name: string) => join(here.folder, name);
  const pack = (...args: string[]) => here.ok(['plugin', 'pack', file('clock'), ...args]);
  await pack('--bundle', '-o', file('unsigned.tgz'));
  await pack('--bundle', '--sign', join(here.data, 'operator.key'), '-o', file('signed.tgz'));
  const node = await made(t);
  await edit(node, [{ path: ['trust'], value: { mode: 'signed', publishers: { acme: key } } }]);
  const add = (name: string, ...more: string[]) => node.run(['plugin', 'add', file(name), ...more]);
  const kept = await node.read('alknet.config.json');

  const unsigned = await add('unsigned.tgz');
  assert.equal(unsigned.code, 11);
  assert.match(unsigned.stderr, /expected a signature by a publisher \(acme\), found no alknet\.sig\.json/);
  await flip(file('signed.tgz'), `'one'`, `'two'`, file('changed.tgz'));
  assert.equal((await add('changed.tgz')).code, 11);
  const stranger = await author(t);
  await cp(file('unsigned.tgz'), `${stranger.here.folder}/theirs.tgz`);
  await stranger.here.ok(['plugin', 'sign', `${stranger.here.folder}/theirs.tgz`]);
  const theirs = await node.run(['plugin', 'add', `${stranger.here.folder}/theirs.tgz`]);
  assert.equal(theirs.code, 11);
  assert.ok(theirs.stderr.includes(`found one by ${stranger.key}`));
  // A directory whose dependency nobody signed.
  await here.ok(['plugin', 'sign', file('clock')]);
  const loose = await add('clock');
  assert.equal(loose.code, 11);
  assert.match(loose.stderr, /found modules of other packages in its bundle: ticks@2\.1\.0/);
  assert.equal(await node.read('alknet.config.json'), kept, 'nothing was written');
  await assert.rejects(readFile(join(node.folder, 'alknet.lock.json')), { code: 'ENOENT' });

  const taken = await add('signed.tgz');
  assert.equal(taken.code, 0, taken.stderr);
  assert.ok(taken.stderr.includes(`signed by  ${key} (acme)`));
  assert.equal((await lockOf(node)).signer, key);
  await edit(node, [inline]);
  await up(node);
  assert.equal(await node.ok(['call', 'clock/now']), 'one/\n');
  assert.match(await node.ok(['plugin', 'list']), /clock +1\.0\.0 +running .* acme /);
  const root = join(node.folder, 'plugins/clock-1.0.0');
  await rm(join(root, 'alknet.sig.json'));
  const gone = await node.run(['plugin', 'reload', 'clock']);
  assert.match(
    gone.stderr,
    /refused under trust\.mode "signed": expected a signature .* found no alknet\.sig\.json/,
  );
});

/** What `alknet dev` serves, by its arguments and its directory, and what it leaves behind. */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { clockPackage, dev, files, inBoth, inlineDev, left, shown } from './dev-support.ts';
import { type Place, place } from './support.ts';

/** A killed process leaves what its plugins had as well, which nobody else may take away. */
const leftByDev = async (here: Place) => (await left(here)).filter((name) => name.startsWith('alknet-dev-'));

test(
  'dev takes the configuration of the directory, follows it, and keeps what is in force on an error',
  inBoth(async (t, isolation) => {
    const here = await place(t);
    const source = (word: string) => `import { definePlugin, defineOperation, Type } from '@alknet/sdk';
    let word = '';
    const now = defineOperation({ name: 'clock/now', type: 'query', access: 'public', input: Type.Object({}),
      output: Type.Any(), handler: () => '${word} ' + word });
    export default definePlugin({ operations: [now], name: 'clock', version: '1.0.0',
      requests: { scopes: ['fs:read', 'fs:write'] },
      config: Type.Object({ word: Type.String({ default: 'none' }) }),
      start(host) { word = host.config.word; return { configure(config) { word = config.word; } }; } });`;
    const config = (entry: object) =>
      JSON.stringify({
        dataDir: './data',
        plugins: { clock: { use: './time.ts', isolation, grant: { scopes: ['fs:read'] }, ...entry } },
      });
    await files(here, { 'time.ts': source('a'), 'alknet.config.json': config({}) });
    const node = await dev(here, []);
    assert.equal(await node.call('clock/now'), 'a none');
    assert.deepEqual(shown(node, 'clock')?.granted.scopes, ['fs:read']);

    await here.write('alknet.config.json', config({ config: { word: 'set' } }));
    await node.next('configured', 'clock');
    assert.equal(await node.call('clock/now'), 'a set');
    await here.write('alknet.config.json', config({ config: { word: 7 } }));
    const refused = await node.next('config');
    assert.match(String(refused['problem'] ?? (await node.next('config'))['problem']), /word/);
    assert.equal(await node.call('clock/now'), 'a set');
    await here.write('time.ts', source('b'));
    await node.next('reloaded', 'clock');
    assert.equal(await node.call('clock/now'), 'b set');
    assert.equal(await node.stop(), 0);
    // The node of the directory was not touched.
    assert.ok(!existsSync(here.data));
  }),
);

test('dev serves several plugins, a file among them, and gives a secret that it was told', async (t) => {
  const here = await place(t);
  await clockPackage(here, 'clock');
  await files(here, {
    'moon.ts': `import { definePlugin, defineOperation, Type } from '@alknet/sdk';
      const phase = defineOperation({ name: 'moon/phase', type: 'query', access: 'public', input: Type.Object({}), output: Type.Any(),
        handler: (_input, { capabilities }) => String(capabilities.apiKey('moon-key')?.length ?? 'none') });
      export default definePlugin({ name: 'moon', version: '1.0.0', operations: [phase], requests: { secrets: ['moon-key', 'other'] } });`,
  });
  await here.write('key', 'abcdef\n');
  const node = await dev(here, [...inlineDev, '--secret', 'moon-key=key', 'clock', 'moon.ts']);
  assert.deepEqual(await node.call('clock/now'), { word: 'one' });
  const moon = shown(node, 'moon');
  assert.deepEqual(moon?.granted.secrets, ['moon-key']);
  assert.deepEqual(
    moon?.missing.map(({ entry }) => entry),
    ['other'],
  );
  assert.equal(await node.stop(), 0);
});

test('dev says what is wrong with its arguments, and makes nothing', async (t) => {
  const here = await place(t);
  await files(here, { 'empty/readme': '', 'tmp/.keep': '' });
  for (const [args, message] of [
    [[], /there is no plugin here/],
    [['nowhere'], /nowhere: expected a plugin's directory or file, found nothing/],
    [['empty'], /expected a package\.json with the field "alknet"/],
    [['--isolation', 'none', 'empty'], /--isolation: expected inline or worker, found "none"/],
    [['--port', 'x', 'empty'], /--port: expected a number/],
    [['--node', 'local'], /takes no --node/],
  ] as const) {
    const { code, stderr } = await here.run(['dev', ...args]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, message);
  }
  await files(here, { 'broken/package.json': '{ "version": "1.0.0", "alknet": { "name": 7 } }' });
  const { code, stderr } = await here.run(['dev', 'broken']);
  assert.equal(code, 1);
  assert.match(stderr, /broken\/package\.json: alknet\/name: expected a plugin name/);
  assert.deepEqual(await left(here), ['.keep']);
});

test('dev removes what a killed one left behind, and keeps what it is told to keep', async (t) => {
  const here = await place(t);
  await clockPackage(here, 'clock');
  const killed = await dev(here, [...inlineDev, 'clock']);
  await killed.stop('SIGKILL');
  assert.equal((await leftByDev(here)).length, 1);
  const kept = await dev(here, [...inlineDev, '--keep', 'clock']);
  const beside = await dev(here, [...inlineDev, 'clock']);
  assert.equal((await leftByDev(here)).length, 2);
  assert.deepEqual(await kept.call('clock/now'), { word: 'one' });
  assert.equal(await kept.stop(), 0);
  assert.equal(await beside.stop(), 0);
  assert.deepEqual(await leftByDev(here), [dirname(kept.ready.dataDir).split('/').at(-1)]);
  assert.equal(typeof (await kept.next('stopped'))['kept'], 'string');
});

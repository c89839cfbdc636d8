import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { shellIn } from './cli-support.ts';
import { linkPackages } from './linked-packages.ts';
import { eventually, made, place, up } from './support.ts';

test('plugin new writes a package that type-checks, tests, builds, and is served as it is', async (t) => {
  const here = await made(t);
  const sh = await shellIn(here);
  const { stdout: told } = await sh('alknet plugin new acme-lamp');
  assert.match(told, /^made acme-lamp: .*package\.json.*src\/plugin\.ts/);
  const folder = join(here.folder, 'acme-lamp');
  await linkPackages(folder);
  const inside = async (script: string) => {
    const { code, stdout, stderr } = await sh(`cd acme-lamp && ${script}`);
    assert.equal(code, 0, `${script}: ${stdout}${stderr}`);
    return stdout;
  };
  await inside('npm run check');
  assert.match(await inside('npm test'), / pass 22\n. fail 0/);
  await inside('npm run build');

  // A client that has nothing of the plugin but its type.
  await mkdir(join(folder, 'client'));
  await writeFile(
    join(folder, 'client', 'client.ts'),
    `import type { Session } from '@alknet/sdk/call';
     import type lamp from 'acme-lamp';
     export async function use(session: Session): Promise<string> {
       const client = session.client<typeof lamp>();
       const { shift } = await client.call('acme-lamp/shift', { seconds: 1 });
       for await (const { n } of client.subscribe('acme-lamp/ticks', {})) return String(n + shift);
       // @ts-expect-error the field is called seconds
       await client.call('acme-lamp/shift', { second: 1 });
       // @ts-expect-error there is no such member of the output
       return (await client.call('acme-lamp/now', {})).time;
     }`,
  );
  await writeFile(
    join(folder, 'client', 'tsconfig.json'),
    JSON.stringify({ extends: '../tsconfig.json', include: ['.'] }),
  );
  await inside('npx --no-install tsc -p client');

  // The line that it told, in the configuration of a node that runs.
  const [line = ''] = /^ +"acme-lamp": \{.*\}$/m.exec(told) ?? [];
  assert.notEqual(line, '', told);
  const node = await up(here);
  const config = await here.read('alknet.config.json');
  await here.write('alknet.config.json', config.replace('"call": true', `"call": true,\n${line}`));
  await eventually('the plugin serves', async () => (await here.run(['call', 'acme-lamp/now'])).code === 0);
  assert.match(await here.ok(['call', 'acme-lamp/shift', 'seconds:=60']), /"shift":\s*60/);
  const ticks = await here.ok(['subscribe', 'acme-lamp/ticks', '--count', '2']);
  assert.match(ticks, /"n":\s*1\b.*"n":\s*2\b/s);
  assert.equal(await here.ok(['pipe', 'local', 'acme-lamp/echo'], 'hello'), 'hello');
  await node.stop();
});

test('plugin new --json tells what it wrote and the entry for the configuration, from where that is', async (t) => {
  const here = await made(t);
  const told = JSON.parse(
    await here.ok(['plugin', 'new', 'acmeLamp', '--dir', 'plugins/lamp', '--json']),
  ) as Record<string, unknown>;
  assert.equal(told['directory'], join(here.folder, 'plugins', 'lamp'));
  assert.equal(told['config'], here.config);
  assert.equal((told['entry'] as { use: string }).use, './plugins/lamp');
  assert.deepEqual(told['files'], [
    '.gitignore',
    'README.md',
    'package.json',
    'src/clock.ts',
    'src/operations.ts',
    'src/plugin.ts',
    'test/conformance.test.ts',
    'test/plugin.test.ts',
    'tsconfig.build.json',
    'tsconfig.json',
  ]);
  const manifest = JSON.parse(await here.read('plugins/lamp/package.json')) as Record<string, unknown>;
  // A package has no capitals, a plugin may.
  assert.equal(manifest['name'], 'acmelamp');
  assert.deepEqual((manifest['alknet'] as Record<string, unknown>)['alpns'], ['acmeLamp/echo']);
  for (const file of told['files'] as string[])
    assert.doesNotMatch(await here.read(join('plugins/lamp', file)), /acme-clock/, file);
});

test('plugin new refuses names that are nobody’s to take, and overwrites nothing', async (t) => {
  const here = await place(t);
  for (const name of ['Lamp', '9lamp', 'acme/lamp', '../lamp', 'a'.repeat(41)]) {
    const { code, stderr } = await here.run(['plugin', 'new', name]);
    assert.equal(code, 2, name);
    assert.match(stderr, /expected a lower-case letter, then at most 39 letters, digits and "-"/, name);
  }
  for (const [name, owner] of [
    ['ssh', 'a built-in plugin'],
    ['services', 'alknet itself'],
  ] as const) {
    const { code, stderr } = await here.run(['plugin', 'new', name]);
    assert.equal(code, 2, name);
    assert.ok(stderr.includes(`belongs to ${owner}`), stderr);
  }
  await mkdir(join(here.folder, 'lamp'));
  await here.write('lamp/notes.txt', 'mine');
  const { code, stderr } = await here.run(['plugin', 'new', 'lamp']);
  assert.equal(code, 8);
  assert.match(
    stderr,
    /is not empty, and nothing there is overwritten\n {2}try: alknet plugin new lamp --dir /,
  );
  assert.deepEqual(await readdir(join(here.folder, 'lamp')), ['notes.txt']);
  assert.equal(await readFile(join(here.folder, 'lamp', 'notes.txt'), 'utf8'), 'mine');
});

import assert from 'node:assert/strict';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ConfigError, loadConfig } from '../../src/config/index.ts';
import { nowhere, temporary } from './support.ts';

process.umask(0o022);

const options = { surroundings: nowhere };
const text = (trust: object) => JSON.stringify({ plugins: { call: true }, trust });
const signed = { mode: 'signed', publishers: { acme: `ed25519:${'00'.repeat(32)}` } };

async function file(t: TestContext, trust: object) {
  const directory = join(await temporary(t), 'etc');
  await mkdir(directory);
  const path = join(directory, 'alknet.config.json');
  await writeFile(path, text(trust));
  return { directory, path };
}

test('CFG-40 a configuration that others can write is reported under any, and refused under locked and signed', async (t) => {
  for (const trust of [{}, { mode: 'locked' }, signed]) {
    const { directory, path } = await file(t, trust);
    assert.deepEqual((await loadConfig(path, options)).warnings, []);
    for (const [place, mode, plain] of [
      [path, 0o664, 0o644],
      [path, 0o646, 0o644],
      // Whoever can write the directory can put another file in its place.
      [directory, 0o777, 0o755],
    ] as const) {
      await chmod(place, mode);
      const expected = `others can write ${place} (mode ${mode.toString(8)}); try: chmod go-w ${place}`;
      if (!('mode' in trust)) {
        assert.deepEqual(
          (await loadConfig(path, options)).warnings.map(({ message }) => message),
          [expected],
        );
      } else {
        await assert.rejects(loadConfig(path, options), (error) => {
          assert.ok(error instanceof ConfigError);
          assert.deepEqual(
            error.problems.map(({ message }) => message),
            [`trust.mode "${trust.mode}": ${expected}`],
          );
          return true;
        });
      }
      await chmod(place, plain);
    }
  }
});

test('CFG-40 a directory in which only owners replace their files, such as /tmp, is none that others can write', async (t) => {
  const { directory, path } = await file(t, { mode: 'locked' });
  await chmod(directory, 0o1777);
  assert.deepEqual((await loadConfig(path, options)).warnings, []);
});

test('CFG-40 what a link leads to is looked at, and the directory of the link', async (t) => {
  const { path } = await file(t, { mode: 'locked' });
  const { directory, path: link } = await file(t, {});
  await writeFile(`${link}.other`, '');
  await symlink(path, join(directory, 'link.json'));
  await loadConfig(join(directory, 'link.json'), options);
  await chmod(path, 0o666);
  await assert.rejects(loadConfig(join(directory, 'link.json'), options), /others can write/);
  await chmod(path, 0o644);
  await chmod(directory, 0o777);
  await assert.rejects(loadConfig(join(directory, 'link.json'), options), /others can write/);
});

import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { findConfig, loadConfig } from '../../src/config/index.ts';
import { configFile, temporary } from './support.ts';

test('CFG-06 options beat the environment, the environment the file, the file the defaults', async (t) => {
  const path = await configFile(t, '{ "dataDir": "from-file", "log": { "level": "warn" } }');
  const env = { ALKNET_DATA: 'from-env', ALKNET_LOG: 'debug', HOME: '/home/a' };
  const load = (text: object, environment: Record<string, string>) =>
    loadConfig(path, { ...text, surroundings: { cwd: '/somewhere', env: environment, uid: 1000 } });

  const option = await load({ dataDir: 'from-option', logLevel: 'trace' }, env);
  assert.equal(option.config.dataDir, '/somewhere/from-option');
  assert.equal(option.config.log.level, 'trace');
  assert.deepEqual([option.origin(['dataDir']), option.origin(['log', 'level'])], ['option', 'option']);

  const environment = await load({}, env);
  assert.equal(environment.config.dataDir, '/somewhere/from-env');
  assert.equal(environment.config.log.level, 'debug');
  assert.equal(environment.origin(['log', 'level']), 'environment');

  const file = await load({}, { HOME: '/home/a' });
  assert.equal(file.config.dataDir, join(path, '../from-file'));
  assert.equal(file.config.log.level, 'warn');
  assert.equal(file.origin(['dataDir']), 'file');

  await writeFile(path, '{}');
  const defaults = await load({}, { HOME: '/home/a' });
  assert.equal(defaults.config.dataDir, '/home/a/.local/share/alknet');
  assert.equal(defaults.config.log.level, 'info');
  assert.deepEqual(
    [defaults.origin(['dataDir']), defaults.origin(['limits', 'frame'])],
    ['default', 'default'],
  );
});

test('CFG-06 the file is found by option, environment, working directory and user directory, in this order', async (t) => {
  const cwd = await temporary(t);
  const home = await temporary(t);
  const user = join(home, '.config/alknet/alknet.config.json');
  await mkdir(join(user, '..'), { recursive: true });
  await writeFile(user, '{}');
  assert.equal(findConfig(undefined, { cwd, env: { HOME: home } })?.path, user);
  await writeFile(join(cwd, 'alknet.config.json'), '{}');
  assert.equal(findConfig(undefined, { cwd, env: { HOME: home } })?.path, join(cwd, 'alknet.config.json'));
  const env = { HOME: home, ALKNET_CONFIG: 'other.json' };
  assert.deepEqual(findConfig(undefined, { cwd, env }), {
    path: join(cwd, 'other.json'),
    origin: 'environment',
  });
  assert.deepEqual(findConfig('mine.json', { cwd, env }), { path: join(cwd, 'mine.json'), origin: 'option' });
});

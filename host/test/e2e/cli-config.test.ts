import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect } from '../../src/client.ts';
import { shellIn } from './cli-support.ts';
import { eventually, made, up } from './support.ts';

test('CLI-07 CFG-06 options beat environment, environment beats the file, the file the defaults; config show --origin says which', async (t) => {
  const here = await made(t);
  const sh = await shellIn(here);
  await here.write(
    'alknet.config.json',
    '{ "dataDir": "./data", "log": { "level": "warn" }, "limits": { "drain": 3 }, "plugins": { "call": true } }',
  );
  const shown = async (options: string, env: Record<string, string> = {}) => {
    const { stdout } = await sh(`alknet config show --origin --defaults --json ${options}`, { env });
    const values = JSON.parse(stdout) as { key: string; value: unknown; origin: string }[];
    return (key: string) => {
      const found = values.find((value) => value.key === key);
      return [found?.value, found?.origin];
    };
  };
  const environment = { ALKNET_DATA: '/from/environment', ALKNET_LOG: 'debug' };
  const [file, env, option] = await Promise.all([
    shown(''),
    shown('', environment),
    shown('--data /from/option', environment),
  ]);
  assert.deepEqual(file('dataDir'), [here.data, 'file']);
  assert.deepEqual(file('log.level'), ['warn', 'file']);
  assert.deepEqual(file('limits.drain'), [3000, 'file']);
  assert.deepEqual(file('limits.reloadGrace'), [5000, 'default']);
  assert.deepEqual(file('plugins.call.enabled'), [true, 'file']);
  assert.deepEqual(env('dataDir'), ['/from/environment', 'environment']);
  assert.deepEqual(env('log.level'), ['debug', 'environment']);
  assert.deepEqual(option('dataDir'), ['/from/option', 'option']);

  await here.write('other.json', '{ "dataDir": "./data", "limits": { "drain": 7 } }');
  const drain = async (options: string, env: Record<string, string>) =>
    (await sh(`alknet config show limits.drain ${options}`, { env })).stdout.trim();
  assert.equal(await drain('', { ALKNET_CONFIG: 'other.json' }), '7000');
  assert.equal(await drain('--config alknet.config.json', { ALKNET_CONFIG: 'other.json' }), '3000');
});

const text = `{
  "dataDir": "./data", // beside this file
  "listen": { "quic": "127.0.0.1:0", "tls": "127.0.0.1:0" },
  /* what runs */
  "plugins": {
    "call":    true,
    "echo": { "use": "./echo.ts",   "isolation": "inline", "enabled": false }, // not yet
    "twin": { "use": "./twin.js", "isolation": "inline", "enabled": false,
              "config": { "color": "red" } },
  },
}
`;
const echo = `import { definePlugin } from '@alknet/sdk';
export default definePlugin({ name: 'echo', version: '1.0.0', start: () => ({}) });`;

test('CLI-17 plugin enable and disable leave every other byte, keep the mode, and the running node follows', async (t) => {
  const here = await made(t);
  await here.write('echo.ts', echo);
  await here.write('alknet.config.json', text);
  const { mode } = await stat(here.config);
  await up(here);
  const enabled = JSON.parse(await here.ok(['plugin', 'enable', 'echo', '--json'])) as object;
  assert.deepEqual(enabled, { name: 'echo', state: 'running' });
  assert.equal(
    await here.read('alknet.config.json'),
    text.replace('"enabled": false }, // not', '"enabled": true }, // not'),
  );
  await here.ok(['plugin', 'disable', 'echo']);
  assert.equal(await here.read('alknet.config.json'), text);
  assert.equal((await stat(here.config)).mode, mode);
  const unknown = await here.run(['plugin', 'disable', 'nothing']);
  assert.equal(unknown.code, 7);
});

test('CLI-17 what the running node refuses is undone, byte for byte, with exit 3', async (t) => {
  const here = await made(t);
  await here.write('echo.ts', echo);
  await here.write('alknet.config.json', text);
  await up(here);
  // There is no twin.js: the file fits its schema, and the node will not have it.
  const { code, stderr } = await here.run(['plugin', 'enable', 'twin']);
  assert.equal(code, 3);
  assert.match(stderr, /alknet\.config\.json:8:\d+ .*twin/);
  assert.equal(await here.read('alknet.config.json'), text);
  await eventually('the node is content', async () => {
    const { problems } = JSON.parse(await here.ok(['status', '--json'])) as { problems: unknown[] };
    return problems.length === 0;
  });
});

test('CLI-41 HUP applies new settings, connections live on, and status names keys that need a restart', async (t) => {
  const here = await made(t);
  const node = await up(here);
  const session = await connect(`127.0.0.1:${node.port}#${node.id}`, {
    identity: join(here.data, 'operator.key'),
  });
  t.after(() => session.close());
  await session.call('services/list', {});
  const listen = { quic: '127.0.0.1:1', tls: '127.0.0.1:1' };
  await here.write(
    'alknet.config.json',
    JSON.stringify({ dataDir: './data', listen, plugins: { call: true }, log: { level: 'debug' } }),
  );
  node.child.kill('SIGHUP');
  await eventually('the reload', () => node.output().includes('configuration applied'));
  const { configuration, listeners } = (await session.call('host/status', {})) as {
    configuration: { restartNeeded: string[] };
    listeners: { address: string }[];
  };
  assert.deepEqual(configuration.restartNeeded, ['listen']);
  assert.ok(listeners.every(({ address }) => address.endsWith(`:${node.port}`)));
  assert.match(await here.ok(['status']), /restart needed for: listen/);
});

test('CLI-10 TERM closes listeners first, lets work end within the drain time, and ends within a second more', async (t) => {
  const here = await made(t);
  const listen = { quic: '127.0.0.1:0', tls: '127.0.0.1:0' };
  await here.write(
    'alknet.config.json',
    JSON.stringify({ dataDir: './data', listen, plugins: { call: true }, limits: { drain: 1 } }),
  );
  const node = await up(here);
  const target = `127.0.0.1:${node.port}#${node.id}`;
  const identity = join(here.data, 'operator.key');
  const session = await connect(target, { identity });
  t.after(() => session.close());
  const watch = session.subscribe('services/watch', {});
  await watch.next();
  let working = true;
  watch.next().then(
    () => {},
    () => {
      working = false;
    },
  );
  const begun = performance.now();
  const ended = node.stop();
  await eventually('no new connection', async () => {
    const probe = await connect(target, { identity, transport: 'tls', timeoutMs: 300 }).catch(
      () => undefined,
    );
    probe?.close();
    return probe === undefined;
  });
  assert.ok(working, 'what was under way goes on while the node drains');
  assert.equal(await ended, 0);
  assert.ok(performance.now() - begun < 2_000, `${performance.now() - begun} ms`);
});

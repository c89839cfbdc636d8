import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect } from '../../src/client.ts';
import { type Daemon, eventually, made, type Place, up } from './support.ts';

const weather = `
import { createHash } from 'node:crypto';
import { defineOperation, definePlugin, Type } from '@alknet/sdk';
const digest = (capabilities) => createHash('sha256').update(capabilities.get('weather') ?? '').digest('hex');
const io = { access: 'public', input: Type.Object({}), output: Type.String() };
export default definePlugin({
  name: 'weather', version: '1.0.0', requests: { secrets: ['weather'] },
  operations: [
    defineOperation({ ...io, name: 'weather/ask', type: 'query', handler: (_input, { capabilities }) => digest(capabilities) }),
    defineOperation({ ...io, name: 'weather/follow', type: 'subscription', async *handler(_input, { capabilities, signal }) {
      for (;;) {
        yield digest(capabilities);
        await new Promise((resolve) => { setTimeout(resolve, 5); signal.addEventListener('abort', resolve, { once: true }); });
      }
    } }),
  ],
});
`;

const digest = (value: string) => createHash('sha256').update(value).digest('hex');

async function withWeather(here: Place, more: Record<string, unknown> = {}): Promise<void> {
  await here.write('weather.ts', weather);
  await here.write(
    'alknet.config.json',
    JSON.stringify({
      dataDir: './data',
      listen: { quic: '127.0.0.1:0', tls: '127.0.0.1:0' },
      plugins: {
        call: true,
        weather: { use: './weather.ts', isolation: 'inline', grant: { secrets: ['weather'] } },
      },
      ...more,
    }),
  );
}

async function ask(here: Place): Promise<string> {
  return JSON.parse(await here.ok(['call', 'weather/ask', '--json'])) as string;
}

/** Everything of the process that others on the machine can read, and all it has written. */
async function traces(node: Daemon): Promise<string> {
  if (process.platform !== 'linux') return node.output();
  const { pid } = node.child;
  const [environment, argv] = await Promise.all([
    readFile(`/proc/${pid}/environ`, 'utf8'),
    readFile(`/proc/${pid}/cmdline`, 'utf8'),
  ]);
  return [environment, argv, node.output()].join('\n');
}

test('VLT-56 VLT-57 a changed and a rotated secret is used by the next call within 2 s, and a call in progress goes on', async (t) => {
  const here = await made(t);
  await here.ok(['secret', 'set', 'weather'], 'first value');
  await withWeather(here);
  const node = await up(here);
  assert.equal(await ask(here), digest('first value'));

  const operator = await connect(`127.0.0.1:${node.port}#${node.id}`, {
    identity: join(here.data, 'operator.key'),
  });
  t.after(() => operator.close());
  const follow = operator.subscribe('weather/follow', {})[Symbol.asyncIterator]();
  assert.equal((await follow.next()).value, digest('first value'));

  await here.ok(['secret', 'set', 'weather'], 'second value');
  await eventually(
    'the new value',
    async () => (await operator.call('weather/ask', {})) === digest('second value'),
    2000,
  );
  for (let more = 0; more < 5; more++) {
    assert.equal((await follow.next()).value, digest('first value'), 'the call in progress keeps its own');
  }
  await follow.return?.();

  const secrets = async () => JSON.parse(await here.read('data/secrets.json')) as { keyVersion: number };
  const before = await secrets();
  assert.deepEqual(JSON.parse(await here.ok(['secret', 'rotate', '--json'])), {
    keyVersion: before.keyVersion + 1,
  });
  assert.equal((await secrets()).keyVersion, before.keyVersion + 1);
  await here.ok(['secret', 'set', 'weather'], 'third value');
  await eventually(
    'the value under the next key',
    async () => (await operator.call('weather/ask', {})) === digest('third value'),
    2000,
  );
});

test('VLT-53 environment, arguments and log of the daemon hold no passphrase, phrase or secret', async (t) => {
  const here = await made(t);
  const value = 'sk-live-never-to-be-seen';
  await here.ok(['secret', 'set', 'weather'], value);
  await chmod(await here.write('pass', 'correct horse battery staple\n'), 0o600);
  await here.ok(['vault', 'rotate', '--passphrase-file', 'pass']);
  const phrase = await here.ok(['vault', 'export', '--yes', '--passphrase-file', 'pass']);
  const words = phrase.trim().split(/\s+/).slice(-24);
  assert.equal(words.length, 24);
  await withWeather(here, { log: { level: 'trace' } });
  const node = await up(here, ['--passphrase-file', 'pass']);
  assert.equal(await ask(here), digest(value));
  await here.ok(['secret', 'set', 'weather', '--passphrase-file', 'pass'], `${value}-2`);
  await eventually('the new value', async () => (await ask(here)) === digest(`${value}-2`));
  const seen = await traces(node);
  assert.match(seen, /secrets reloaded/);
  const hidden = [value, 'correct horse', words.slice(0, 3).join(' '), Buffer.from(value).toString('base64')];
  for (const secret of hidden) assert.ok(!seen.includes(secret), secret);
});

test('VLT-65 with lockAfterStart the node serves, and a changed secret waits for an unlocked vault', async (t) => {
  const here = await made(t);
  await here.ok(['secret', 'set', 'weather'], 'first value');
  await withWeather(here, { vault: { lockAfterStart: true } });
  const node = await up(here);
  const state = async () =>
    (JSON.parse(await here.ok(['vault', 'show', '--json'])) as { state: string }).state;
  assert.equal(await state(), 'locked');
  assert.equal(await ask(here), digest('first value'));
  await here.ok(['secret', 'set', 'weather'], 'second value');
  await eventually('the refusal', () => /restart required.*secrets refused/.test(node.output()));
  assert.equal(await ask(here), digest('first value'));
  await here.ok(['vault', 'unlock']);
  await eventually('the new value', async () => (await ask(here)) === digest('second value'));
});

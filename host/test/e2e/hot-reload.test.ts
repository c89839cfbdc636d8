/** A running node whose plugins are saved anew: `alknet up`, real files, a client on the wire. */

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { CallError } from '@alknet/sdk';
import type { Session } from '@alknet/sdk/call';
import { connect } from '../../src/client.ts';
import { type Daemon, eventually, made, type Place, up } from './support.ts';

const listen = { quic: '127.0.0.1:0', tls: '127.0.0.1:0' };

const source = (word: string, imports = '', more = '') => `${imports}
import { defineOperation, definePlugin, Type } from '@alknet/sdk';
const now = defineOperation({ name: 'clock/now', type: 'query', access: 'public', input: Type.Object({}), output: Type.Any(), handler: () => ${word} });
export default definePlugin({ name: 'clock', version: '1.0.0', operations: [now]${more} });
`;

async function served(t: TestContext, here: Place): Promise<{ node: Daemon; session: Session }> {
  const plugins = { call: true, clock: { use: './clock.ts', isolation: 'inline' } };
  await here.write('alknet.config.json', JSON.stringify({ dataDir: './data', listen, plugins }));
  const node = await up(here);
  const session = await connect(`127.0.0.1:${node.port}#${node.id}`, {
    identity: join(here.data, 'operator.key'),
  });
  t.after(() => session.close());
  return { node, session };
}

const answers = (session: Session, word: unknown) => async () =>
  (await session.call('clock/now', {})) === word;

test('CFG-22 saving the source of a plugin makes the running node use it within a second, also one of 100 files', async (t) => {
  const here = await made(t);
  await mkdir(join(here.folder, 'parts'));
  const names = Array.from({ length: 100 }, (_, index) => `part${index}`);
  for (const name of names) await here.write(`parts/${name}.ts`, `export const ${name}: number = 1;`);
  const imports = names.map((name) => `import { ${name} } from './parts/${name}.ts';`).join('\n');
  await here.write('clock.ts', source(names.join(' + '), imports));
  const { node, session } = await served(t, here);
  assert.equal(await session.call('clock/now', {}), 100);
  for (const total of [101, 102, 103]) {
    await here.write('parts/part99.ts', `export const part99: number = ${total - 99};`);
    // A client that was connected before sees it, too.
    const took = await eventually(`${total}`, answers(session, total));
    assert.ok(took < 1000, `${took} ms`);
  }
  assert.equal(await node.stop(), 0);
});

test('CFG-22 a syntax error keeps the old version, and status and log name file, line and column', async (t) => {
  const here = await made(t);
  await here.write('clock.ts', source(`'one'`));
  const { node, session } = await served(t, here);
  await here.write('clock.ts', `${source(`'two'`)}const a = ;\n`);
  const place = join(here.folder, 'clock.ts:5:11: Unexpected ";"');
  await eventually('the error', async () => {
    const { plugins } = (await session.call('host/status', {})) as {
      plugins: { name: string; state: string; error?: string }[];
    };
    const clock = plugins.find(({ name }) => name === 'clock');
    return clock?.state === 'running' && clock.error === place;
  });
  assert.ok(node.output().includes(JSON.stringify(place).slice(1, -1)));
  assert.equal(await session.call('clock/now', {}), 'one');
  await assert.rejects(
    session.call('host/plugins/reload', { name: 'clock' }),
    ({ code, details }: CallError) =>
      code === 'PLUGIN_FAILED' &&
      (details as { line: number }).line === 5 &&
      (details as { column: number }).column === 11,
  );
  await here.write('clock.ts', source(`'three'`));
  await eventually('the correction', answers(session, 'three'));
  const { problems } = (await session.call('host/status', {})) as { problems: unknown[] };
  assert.deepEqual(problems, []);
});

test('CFG-23 a single TypeScript file without a package is served, and is reloaded when it is saved', async (t) => {
  const here = await made(t);
  await here.write('clock.ts', source(`'one' as string`));
  const { session } = await served(t, here);
  assert.equal(await session.call('clock/now', {}), 'one');
  await here.write('clock.ts', source(`'two' satisfies string`));
  await eventually('the new code', answers(session, 'two'));
});

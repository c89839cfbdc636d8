import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CallError } from '@alknet/sdk';
import { tool, until } from '../peers/support.ts';
import { code, lab } from './support.ts';

/** Logs so many lines in one go. */
const noise = `
import { defineOperation, definePlugin, Type } from '@alknet/sdk';
export default definePlugin({
  name: 'noise', version: '1.0.0',
  operations: [defineOperation({
    name: 'noise/make', type: 'query', access: 'public',
    input: Type.Object({ from: Type.Integer(), to: Type.Integer() }), output: Type.Null(),
    handler: ({ from, to }, { log }) => {
      for (let n = from; n < to; n++) log.info('noise', { n });
      return null;
    },
  })],
});
`;

interface Line {
  readonly level: string;
  readonly plugin: string | null;
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

test('REG-71 host/log reports what it skipped', async (t) => {
  const { reader, node } = await lab(t, { noise });
  await node.call('noise/make', { from: 0, to: 5 });
  const log = reader.subscribe('host/log', { plugin: 'noise', backlog: 2 });
  const read = async () => (await log.next()).value as Line | { skipped: number };
  const lines = [await read(), await read()] as Line[];
  assert.deepEqual(
    lines.map(({ level, plugin, message, fields }) => [level, plugin, message, fields['n']]),
    [3, 4].map((n) => ['info', 'noise', 'noise', n]),
    'the backlog comes first',
  );

  const last = 5_000;
  await node.call('noise/make', { from: 5, to: last });
  let expected = 5;
  let skipped = 0;
  while (expected < last) {
    const value = await read();
    if ('skipped' in value) {
      skipped += value.skipped;
      expected += value.skipped;
    } else assert.equal(value.fields['n'], expected++, 'a gap is told where it is');
  }
  assert.ok(skipped > 0 && expected === last, `${skipped} skipped up to ${expected}`);
  await node.call('noise/make', { from: last, to: last + 1 });
  assert.equal(((await read()) as Line).fields['n'], last);
  await log.return?.();
});

test('REG-71 host/log shows no more than the log, filtered by level', async (t) => {
  const { root, node } = await lab(t, { noise });
  const log = root.subscribe('host/log', { level: 'notice' });
  const first = log.next();
  await node.call('noise/make', { from: 0, to: 5 });
  await root.call('host/peers/add', { id: 'carol', fingerprints: [`ed25519:${'0'.repeat(64)}`] });
  const { level, message, fields } = (await first).value as Line;
  assert.deepEqual([level, message, fields['touched']], ['notice', 'host changed', 'carol']);
  assert.deepEqual([fields['operation'], fields['peer']], ['host/peers/add', 'root']);
  const written = node.log().find(({ event }) => event === 'host changed');
  assert.equal(written?.['id'], fields['id']);
  await log.return?.();
});

interface Row {
  readonly id: string;
  readonly alpn: string;
  readonly plugin: string;
  readonly calls: number;
}

test('REG-68 connections are listed with the calls that run on them, paged, and closed by id', async (t) => {
  const { node, root, bob } = await lab(t, { tool });
  const session = await node.session(bob.key);
  const slow = session.call('tool/slow', {}).catch((error: CallError) => error.code);
  const list = async (input: object) =>
    (await root.call('host/connections/list', input)) as { connections: Row[]; next?: string };
  let mine: Row | undefined;
  await until('its call is counted', async () => {
    [mine] = (await list({ peer: 'bob' })).connections;
    return mine?.calls === 1;
  });
  assert.deepEqual([mine?.alpn, mine?.plugin], ['alknet/call', 'call']);
  const { connections: all } = await list({});
  const first = await list({ limit: 1 });
  const rest = await list({ after: first.next });
  assert.deepEqual(
    [...first.connections, ...rest.connections].map(({ id }) => id),
    all.map(({ id }) => id),
  );
  const input = { id: mine?.id, reason: 'go' };
  assert.deepEqual(await root.call('host/connections/close', input), { closed: true });
  await session.closed;
  assert.equal(await slow, 'INTERNAL');
  assert.equal(await code(root.call('host/connections/close', input)), 'CONNECTION_NOT_FOUND');
  const own = (await list({ peer: 'root' })).connections[0]?.id;
  assert.deepEqual(await root.call('host/connections/close', { id: own }), { closed: true });
  await root.closed;
});

test('REG-68 host/config/show tells where values are from, and host/config/validate what is wrong where', async (t) => {
  const { reader } = await lab(t);
  const shown = (await reader.call('host/config/show', {})) as {
    config: { limits: { drain: number } };
    origins: Record<string, string>;
  };
  assert.equal(shown.config.limits.drain, 200);
  assert.deepEqual(
    [shown.origins['/limits/drain'], shown.origins['/limits/connections']],
    ['file', 'default'],
  );
  const validate = async (text: string) =>
    (await reader.call('host/config/validate', { text })) as {
      valid: boolean;
      problems: { line: number; suggestion?: string }[];
    };
  assert.deepEqual(await validate('{ /* nothing */ }'), { valid: true, problems: [] });
  const { valid, problems } = await validate('{\n "limitz": {} }');
  assert.deepEqual([valid, problems[0]?.line, problems[0]?.suggestion], [false, 2, 'limits']);
});

test('host/status counts the subscriptions that run', async (t) => {
  const { reader, node } = await lab(t, { noise });
  const running = async () => {
    const { calls } = (await reader.call('host/status', {})) as {
      calls: { running: number; subscriptions: number };
    };
    return calls;
  };
  // The question itself is a call that runs.
  assert.deepEqual(await running().then(({ running, subscriptions }) => [running, subscriptions]), [1, 0]);
  const log = reader.subscribe('host/log', { plugin: 'noise' });
  const first = log.next();
  await node.call('noise/make', { from: 0, to: 1 });
  await first;
  assert.deepEqual(await running().then(({ running, subscriptions }) => [running, subscriptions]), [2, 1]);
  const watch = reader.subscribe('services/watch', {});
  await watch.next();
  assert.equal((await running()).subscriptions, 2);
  await Promise.all([log.return?.(), watch.return?.()]);
  await until('both are over', async () => (await running()).subscriptions === 0);
});

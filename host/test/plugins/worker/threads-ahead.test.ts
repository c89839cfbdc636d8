/** Threads that are begun before their code is there: what they save an author, and that none is left behind. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Worker } from 'node:worker_threads';
import { eventually } from '../../config/support.ts';
import { type Bench, bench, source } from '../support.ts';

/** The threads that live, in the order in which they were made; one shows a turn of the loop after it was made. */
function threads(t: TestContext): Worker[] {
  const alive: Worker[] = [];
  const made = (worker: Worker) => {
    alive.push(worker);
    worker.once('exit', () => alive.splice(alive.indexOf(worker), 1));
  };
  process.on('worker', made);
  t.after(() => process.off('worker', made));
  return alive;
}

const clock = (version: string, start?: string) =>
  source('clock', { version, ...(start === undefined ? {} : { start }) });

async function running(node: Bench, more: object = {}): Promise<void> {
  await node.write('clock.ts', clock('1.0.0'));
  await node.apply({ clock: { use: './clock.ts', ...more } });
  assert.equal(node.supervisor.rows()[0]?.error, undefined);
}

const version = (node: Bench) => node.supervisor.instance('clock')?.version;

test('CFG-22 where spares are kept, the thread of the next reload is there before the save, and only one', async (t) => {
  const alive = threads(t);
  const node = await bench(t, { spareThreads: true });
  await running(node);
  for (const next of ['1.0.1', '1.0.2', '1.0.3']) {
    await eventually(() => alive.length === 2);
    const [, spare] = alive;
    await node.write('clock.ts', clock(next));
    await node.supervisor.reload('clock');
    assert.equal(version(node), next);
    // The former thread ends, the spare has the plugin, and there is another.
    await eventually(() => alive.length === 2 && alive[0] === spare);
  }
});

test('CFG-22 a spare outlives a source that cannot be loaded, and one that does not start takes none along', async (t) => {
  const alive = threads(t);
  const node = await bench(t, { spareThreads: true });
  await running(node);
  await eventually(() => alive.length === 2);
  const [first, spare] = alive;
  await node.write('clock.ts', 'const a = ;');
  await assert.rejects(node.supervisor.reload('clock'), /Unexpected ";"/);
  assert.ok(alive[0] === first && alive[1] === spare && alive.length === 2);
  await node.write('clock.ts', clock('1.0.1', `throw new Error('no luck');`));
  await assert.rejects(node.supervisor.reload('clock'), /no luck/);
  // That one had the spare: it has ended, and there is another.
  await eventually(() => alive.length === 2 && alive[0] === first && alive[1] !== spare);
  await node.write('clock.ts', clock('1.0.2'));
  await node.supervisor.reload('clock');
  assert.equal(version(node), '1.0.2');
});

test('CFG-29 a spare that has ended by itself, or was made for another limit, is not used', async (t) => {
  const alive = threads(t);
  const node = await bench(t, { spareThreads: true });
  await running(node);
  await eventually(() => alive.length === 2);
  await alive[1]?.terminate();
  await node.supervisor.reload('clock');
  await eventually(() => alive.length === 2);
  const [, spare] = alive;
  await node.apply({ clock: { use: './clock.ts', limits: { memory: '96MiB' } } });
  await node.supervisor.reload('clock');
  await eventually(() => alive.length === 2 && !alive.includes(spare as Worker));
  assert.deepEqual(
    alive.map(({ resourceLimits }) => resourceLimits?.maxOldGenerationSizeMb),
    [96, 96],
  );
});

test('CFG-29 no spare is left of a plugin that is disabled, moves inline, is taken out or stops with its node', async (t) => {
  const alive = threads(t);
  const node = await bench(t, { spareThreads: true });
  await running(node);
  await node.apply({ clock: { use: './clock.ts', enabled: false } });
  await eventually(() => alive.length === 0);
  await node.apply({ clock: { use: './clock.ts' } });
  await eventually(() => alive.length === 2);
  await node.apply({ clock: { use: './clock.ts', isolation: 'inline' } });
  await eventually(() => alive.length === 0);
  await node.apply({ clock: { use: './clock.ts' } });
  await eventually(() => alive.length === 2);
  await node.apply({});
  await eventually(() => alive.length === 0);
  await node.apply({ clock: { use: './clock.ts' } });
  await eventually(() => alive.length === 2);
  await node.supervisor.stop();
  await eventually(() => alive.length === 0);
});

test('CFG-29 a node that keeps no spares has one thread for a plugin, and none for one that cannot be loaded', async (t) => {
  const alive = threads(t);
  const node = await bench(t);
  await running(node);
  await eventually(() => alive.length === 1);
  await node.supervisor.reload('clock');
  await eventually(() => alive.length === 1);
  const [only] = alive;
  await node.write('clock.ts', 'const a = ;');
  await assert.rejects(node.supervisor.reload('clock'), /Unexpected ";"/);
  await eventually(() => alive.length === 1 && alive[0] === only);
  await node.apply({ clock: { use: './clock.ts', enabled: false } });
  await eventually(() => alive.length === 0);
});

test('CFG-29 a node that stops while a plugin is being loaded leaves no thread', async (t) => {
  const alive = threads(t);
  const node = await bench(t, { spareThreads: true });
  await node.write('clock.ts', clock('1.0.0'));
  const applied = node.apply({ clock: { use: './clock.ts' } });
  await eventually(() => alive.length > 0);
  await node.supervisor.stop();
  await applied;
  await eventually(() => alive.length === 0);
});

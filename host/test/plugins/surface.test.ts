import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { ContributionTable } from '../../src/plugins/contributions.ts';
import { MetricTable } from '../../src/plugins/index.ts';
import { bench, inline, source } from './support.ts';

test('contributions follow the plugins that run, and their listeners go with the one that listens', () => {
  const table = new ContributionTable();
  const end = new AbortController();
  const http = table.view('http', end.signal);
  let changes = 0;
  http.onChange(() => changes++);
  const a = { name: 'a', contributes: { http: ['route'], cli: [] } };
  table.exchange(undefined, a);
  table.exchange(undefined, { name: 'b', contributes: { cli: [] } });
  assert.deepEqual([http.current, changes], [[{ plugin: 'a', value: ['route'] }], 1]);
  table.exchange(a, undefined);
  assert.deepEqual([http.current, changes], [[], 2]);
  end.abort();
  table.exchange(undefined, a);
  assert.equal(changes, 2);
});

test('metrics of two plugins stand apart, and labels from a peer cannot fill the memory', () => {
  const table = new MetricTable();
  const calls = table.for('a').counter('calls', 'Calls.');
  calls.add();
  calls.add(2, { kind: 'x' });
  calls.add(-5);
  table.for('b').gauge('calls', 'Calls.').set(7);
  const time = table.for('a').histogram('time', 'Seconds.');
  for (const value of [0.5, 1, 3, Number.NaN]) time.record(value);
  const rows = Object.fromEntries(table.rows().map((row) => [row.name, row]));
  assert.deepEqual(rows['a_calls']?.samples, [
    { labels: {}, value: 1 },
    { labels: { kind: 'x' }, value: 2 },
  ]);
  assert.equal(rows['b_calls']?.samples[0]?.value, 7);
  const [sample] = rows['a_time']?.samples ?? [];
  assert.deepEqual([sample?.count, sample?.value], [3, 4.5]);
  assert.equal(sample?.buckets?.find(({ atMost }) => atMost === 1)?.count, 2);
  for (let n = 0; n < 2000; n++) calls.add(1, { peer: String(n) });
  const samples = table.rows().find(({ name }) => name === 'a_calls')?.samples ?? [];
  assert.equal(samples.length, 1001);
  assert.equal(
    samples.reduce((sum, { value }) => sum + value, 0),
    2003,
  );
  assert.throws(() => table.for('a').gauge('calls', ''), /is a counter already/);
});

test('a plugin may read contributions to its own surface only, and dial its own ALPNs only', async (t) => {
  const node = await bench(t);
  await node.write(
    'w.ts',
    source('w', {
      start: `const seen = globalThis.${node.key}; seen.push(host.contributions('w').current);
        try { host.contributions('http'); } catch (error) { seen.push(error.message); }
        return host.dial('x', { alpn: 'alknet/call' }).catch((error) => { seen.push(error.message); return {}; });`,
    }),
  );
  await node.apply({ w: inline('./w.ts') });
  assert.deepEqual(node.seen, [
    [],
    'the surface "http" is none of plugin w',
    'plugin w may dial its own ALPNs (none), got alknet/call',
  ]);
});

test('detached rejections and exceptions are told with the plugin they are of, and do not end the process', async () => {
  // In a process of its own: the test runner listens to the faults of this one.
  const faults = new URL('../../src/plugins/faults.ts', import.meta.url).href;
  const program = `
    const { catchFaults } = await import(${JSON.stringify(faults)});
    const seen = [];
    catchFaults({
      report: ({ kind, plugin, error }) => {
        seen.push([kind, plugin ?? null, error.message ?? error]);
        if (seen.length === 4) console.log(JSON.stringify(seen));
      },
      pluginOfStack: (stack) => (stack.includes('traced') ? 'traced' : undefined),
    });
    setTimeout(() => { throw new Error('traced'); }, 1);
    setTimeout(async () => { await null; void Promise.reject(new Error('traced too')); }, 20);
    setTimeout(() => { void Promise.reject(new Error('nobody')); }, 40);
    setTimeout(() => { void Promise.reject('no error'); }, 60);
  `;
  const flags = ['--conditions=alknet:source', '--import', 'tsx', '--input-type=module', '-e', program];
  const { stdout } = await promisify(execFile)(process.execPath, flags);
  assert.deepEqual(JSON.parse(stdout), [
    ['exception', 'traced', 'traced'],
    ['rejection', 'traced', 'traced too'],
    ['rejection', null, 'nobody'],
    ['rejection', null, 'no error'],
  ]);
});

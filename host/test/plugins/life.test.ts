import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { test } from 'node:test';
import { eventually } from '../config/support.ts';
import { aConnection, bench, inline, operation, source } from './support.ts';

const clock = (start = 'return { connection() {} };') =>
  source('clock', { members: `alpns: ['clock/1'], ${operation('clock/now')}`, start });

test('CFG-21 switching a plugin on makes its ALPN and operations available; switching it off takes them away', async (t) => {
  const node = await bench(t);
  await node.write('clock.ts', clock());
  const start = performance.now();
  await node.apply({ clock: inline('./clock.ts') });
  assert.ok(performance.now() - start < 1000);
  assert.deepEqual(node.operationNames(), ['clock/now']);
  assert.equal(node.router.owner('clock/1')?.name, 'clock');
  const [row] = node.supervisor.rows();
  assert.deepEqual([row?.state, row?.isolation, row?.alpns], ['running', 'inline', ['clock/1']]);
  await node.apply({ clock: inline('./clock.ts', { enabled: false }) });
  assert.deepEqual(node.operationNames(), []);
  assert.equal(node.router.owner('clock/1'), undefined);
  assert.equal(node.supervisor.rows()[0]?.state, 'disabled');
  await node.apply({});
  assert.deepEqual(node.supervisor.rows(), []);
});

test('CFG-20 one plugin that fails to start leaves the others and the node running and is shown with its error', async (t) => {
  const node = await bench(t);
  await node.write('clock.ts', clock());
  await node.write('bad.ts', source('bad', { start: `\n\n    throw new Error('no luck');` }));
  await node.write('worse.ts', 'export default 7;');
  await node.write('broken.ts', 'const a = ;');
  await node.write('throws.ts', source('throws', { before: `throw new Error('at load');` }));
  await node.apply({
    bad: inline('./bad.ts'),
    worse: inline('./worse.ts'),
    broken: inline('./broken.ts'),
    throws: inline('./throws.ts'),
    msg: true,
    clock: inline('./clock.ts'),
  });
  const rows = Object.fromEntries(node.supervisor.rows().map((row) => [row.name, row]));
  assert.equal(rows['clock']?.state, 'running');
  const said = (name: string) => {
    assert.equal(rows[name]?.state, 'failed');
    return rows[name]?.error?.message ?? '';
  };
  assert.match(said('bad'), /start\(\) threw: no luck/);
  assert.match(said('worse'), /expected a default export made by definePlugin/);
  assert.match(said('broken'), /broken\.ts:1:11: Unexpected ";"/);
  assert.deepEqual(rows['broken']?.error?.place, {
    file: `${node.directory}/broken.ts`,
    line: 1,
    column: 11,
  });
  assert.match(said('throws'), /its module threw: at load/);
  assert.match(said('msg'), /not available in this build/);
  assert.equal(node.lines.filter(({ event }) => event === 'plugin failed').length, 5);
});

test('CFG-20 a failed plugin starts when its entry is corrected, and is not tried again while nothing changes', async (t) => {
  const node = await bench(t);
  await node.write('clock.ts', source('clock', { start: `throw new Error('no luck');` }));
  await node.apply({ clock: inline('./clock.ts') });
  await node.apply({ clock: inline('./clock.ts') });
  assert.equal(node.lines.filter(({ event }) => event === 'plugin failed').length, 1);
  await node.write('clock2.ts', clock());
  await node.apply({ clock: inline('./clock2.ts') });
  assert.equal(node.supervisor.rows()[0]?.state, 'running');
  assert.equal(node.supervisor.rows()[0]?.error, undefined);
});

test('CFG-28 a plugin whose start hangs is given up after startTimeout; the old instance goes on', async (t) => {
  const node = await bench(t);
  await node.write('clock.ts', clock());
  await node.apply({ clock: inline('./clock.ts', { limits: { startTimeout: '200ms' } }) });
  const old = node.supervisor.instance('clock');
  await node.write('clock.ts', clock('return new Promise(() => {});'));
  await assert.rejects(node.supervisor.reload('clock'), /did not return within 200 ms/);
  assert.equal(node.supervisor.instance('clock'), old);
  assert.equal(node.router.owner('clock/1'), old);
  assert.equal(old?.signal.aborted, false);
});

test('CFG-26 a changed config goes to configure and the instance stays; if that throws, the old one stays in use', async (t) => {
  const node = await bench(t);
  await node.write(
    'w.ts',
    source('w', {
      members: `config: Type.Object({ units: Type.String({ default: 'metric' }) }),`,
      start: `const seen = globalThis.${node.key}; seen.push(host.config);
        return { configure(config) { if (config.units === 'bad') throw new Error('not that'); seen.push(config); } };`,
    }),
  );
  await node.apply({ w: inline('./w.ts') });
  const first = node.supervisor.instance('w');
  await node.apply({ w: inline('./w.ts', { config: { units: 'imperial' } }) });
  assert.equal(node.supervisor.instance('w'), first);
  assert.deepEqual(node.seen, [{ units: 'metric' }, { units: 'imperial' }]);
  await node.apply({ w: inline('./w.ts', { config: { units: 'bad' } }) });
  assert.equal(node.supervisor.instance('w'), first);
  assert.match(node.supervisor.rows()[0]?.error?.message ?? '', /configure\(\) threw: not that/);
  assert.deepEqual(first?.settings.config, { units: 'imperial' });
  assert.equal(node.supervisor.rows()[0]?.state, 'running');
});

test('CFG-26 without configure a changed config is a reload: the old instance drains, is aborted and stopped', async (t) => {
  const node = await bench(t);
  await node.write(
    'w.ts',
    source('w', {
      members: `config: Type.Object({ n: Type.Number({ default: 0 }) }),`,
      start: `const seen = globalThis.${node.key}; const { n } = host.config; seen.push('start' + n);
        host.signal.addEventListener('abort', () => seen.push('abort' + n));
        return { drain() { seen.push('drain' + n); }, stop() { seen.push('stop' + n); } };`,
    }),
  );
  await node.apply({ w: inline('./w.ts') });
  await node.apply({ w: inline('./w.ts', { config: { n: 1 } }) });
  await eventually(() => node.seen.includes('stop0'));
  assert.deepEqual(node.seen, ['start0', 'start1', 'drain0', 'abort0', 'stop0']);
});

test('CFG-03 the config of a running plugin is checked before anything is applied, with the place', async (t) => {
  const node = await bench(t);
  await node.write(
    'w.ts',
    source('w', { members: 'config: Type.Object({ n: Type.Optional(Type.Number()) }),' }),
  );
  await node.apply({ w: inline('./w.ts') });
  const next = node.config({
    w: inline('./w.ts', { config: { n: 'x' } }),
    gone: inline('./gone.ts'),
    htp: true,
  });
  const findings = await node.supervisor.check(next);
  assert.deepEqual(
    findings.map(({ path }) => path.join('/')),
    ['plugins/w/config/n', 'plugins/gone/use', 'plugins/htp'],
  );
  assert.match(findings[1]?.message ?? '', /leads to nothing; tried .*gone\.ts/);
  assert.match(findings[2]?.message ?? '', /no built-in plugin.*did you mean "http"/);
});

test('CFG-01 limits, listeners and requireIdentity of a plugin change without restarting it', async (t) => {
  const node = await bench(t);
  await node.write('clock.ts', clock());
  await node.apply({ clock: inline('./clock.ts') });
  const instance = node.supervisor.instance('clock');
  await node.apply({
    clock: inline('./clock.ts', { requireIdentity: true, listeners: ['tls'], limits: { connections: 3 } }),
  });
  assert.equal(node.supervisor.instance('clock'), instance);
  assert.deepEqual(
    [instance?.requireIdentity, instance?.listeners, instance?.limits.connections],
    [true, ['tls'], 3],
  );
});

test('CFG-20 a plugin does not wait for one whose start hangs', async (t) => {
  const node = await bench(t);
  await node.write('slow.ts', source('slow', { start: 'return new Promise(() => {});' }));
  await node.write('clock.ts', clock());
  const applied = node.apply({
    slow: inline('./slow.ts', { limits: { startTimeout: '1s' } }),
    clock: inline('./clock.ts'),
  });
  assert.ok((await eventually(() => node.supervisor.instance('clock') !== undefined)) < 1000);
  assert.equal(node.supervisor.rows().find(({ name }) => name === 'slow')?.state, 'starting');
  await applied;
});

test('plugins are stopped together, half a second is left to them, and those that do not end are named', async (t) => {
  const node = await bench(t);
  const seen = `globalThis.${node.key}`;
  await node.write('quick.ts', source('quick', { start: `return { stop() { ${seen}.push('stopped'); } };` }));
  const stuck = Array.from({ length: 10 }, (_, n) => `stuck${n}`);
  for (const name of stuck)
    await node.write(`${name}.ts`, source(name, { start: 'return { stop: () => new Promise(() => {}) };' }));
  const names = ['quick', ...stuck];
  await node.apply(Object.fromEntries(names.map((name) => [name, inline(`./${name}.ts`)])));
  const start = performance.now();
  assert.deepEqual((await node.supervisor.stop()).toSorted(), stuck);
  // One after the other they would take ten half seconds.
  assert.ok(performance.now() - start < 3000);
  assert.deepEqual(node.seen, ['stopped']);
});

test('a reload loads the code anew, and its operations replace the old in one step', async (t) => {
  const node = await bench(t);
  await node.write('dep.ts', `export const word: string = 'one';`);
  const text = (name: string) =>
    source('clock', {
      before: `import { word } from './dep.ts'; globalThis.${node.key}.push(word);`,
      members: operation(name),
    });
  await node.write('clock.ts', text('clock/now'));
  await node.apply({ clock: inline('./clock.ts') });
  await node.write('dep.ts', `export const word: string = 'two';`);
  await node.write('clock.ts', text('clock/then'));
  const next = await node.supervisor.reload('clock');
  assert.deepEqual(node.seen, ['one', 'two']);
  assert.deepEqual(node.operationNames(), ['clock/then']);
  assert.ok(next.loaded.files.some((file) => file.endsWith('dep.ts')));
});

test('CFG-31 requireIdentity stands on the owner that the router asks, as the file says now', async (t) => {
  const node = await bench(t);
  await node.write('clock.ts', clock());
  await node.apply({ clock: inline('./clock.ts', { requireIdentity: true }) });
  assert.equal(node.router.owner('clock/1')?.requireIdentity, true);
  await node.apply({ clock: inline('./clock.ts') });
  assert.equal(node.router.owner('clock/1')?.requireIdentity, false);
});

test('a plugin gets the connections of its ALPN, its own store and a directory of mode 0700', async (t) => {
  const node = await bench(t);
  await node.write(
    'clock.ts',
    clock(`const seen = globalThis.${node.key};
      return { async connection(c) { await host.store.put('k', new Uint8Array(1)); seen.push(c.id, host.dataDir); } };`),
  );
  await node.apply({ clock: inline('./clock.ts') });
  await node.router.owner('clock/1')?.connection(aConnection('clock/1'));
  assert.deepEqual(node.seen, ['c1', `${node.directory}/plugins/clock`]);
  assert.equal((await stat(`${node.directory}/plugins/clock`)).mode & 0o777, 0o700);
  assert.equal(await node.services.store('other', () => 0).get('k'), undefined);
});

test('REG-37 a reload that fails keeps the old operations, and says where in the source it failed', async (t) => {
  const node = await bench(t);
  await node.write('clock.ts', clock());
  await node.apply({ clock: inline('./clock.ts') });
  for (const [text, message] of [
    [`${clock()}\nconst oops = ;`, /clock\.ts:\d+:14: Unexpected/],
    [clock(`throw new Error('no luck');`), /clock\.ts:\d+:\d+: start\(\) threw: no luck/],
    [source('clock', { members: operation('weather/now') }), /expected a name that begins with clock\//],
    [source('clock', { members: `alpns: ['clock/1'],` }), /returned no connection/],
  ] as const) {
    await node.write('clock.ts', text);
    await assert.rejects(node.supervisor.reload('clock'), message);
    assert.deepEqual(node.operationNames(), ['clock/now']);
    assert.equal(node.router.owner('clock/1')?.name, 'clock');
    const [row] = node.supervisor.rows();
    assert.equal(row?.state, 'running');
    assert.match(row?.error?.message ?? '', message);
  }
});

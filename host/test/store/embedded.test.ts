import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type StoreChange, StoreError } from '@alknet/sdk';
import { type EmbeddedStore, openEmbeddedStore } from '../../src/store/index.ts';
import { temporary } from '../config/support.ts';

async function opened(t: TestContext): Promise<{ store: EmbeddedStore; path: string }> {
  const path = join(await temporary(t), 'store.db');
  const store = await openEmbeddedStore(path);
  t.after(() => store.close());
  return { store, path };
}

const bytes = (text: string) => new TextEncoder().encode(text);
const fails = (code: string) => (error: unknown) => error instanceof StoreError && error.code === code;

test('CFG-52 (embedded) compare-and-set lets one of two writers win and changes nothing for the other', async (t) => {
  const space = (await opened(t)).store.namespace('a');
  const first = await space.put('k', bytes('0'), { ifRevision: 0 });
  const both = await Promise.allSettled([
    space.put('k', bytes('1'), { ifRevision: first.revision }),
    space.put('k', bytes('2'), { ifRevision: first.revision }),
  ]);
  assert.deepEqual(
    both.map(({ status }) => status),
    ['fulfilled', 'rejected'],
  );
  assert.deepEqual((await space.get('k'))?.value, bytes('1'));
  await assert.rejects(space.put('k', bytes('3'), { ifRevision: 0 }), fails('STORE_CONFLICT'));
  await assert.rejects(space.delete('k', { ifRevision: first.revision }), fails('STORE_CONFLICT'));
  const { revision } = (await space.get('k')) ?? { revision: 0 };
  await space.delete('k', { ifRevision: revision });
  assert.equal(await space.get('k'), undefined);
  const again = await space.put('k', bytes('4'), { ifRevision: 0 });
  assert.ok(again.revision > revision, 'a key that is made anew does not repeat a revision');
});

test('CFG-52 (embedded) a watcher sees each change once and in order', async (t) => {
  const space = (await opened(t)).store.namespace('a');
  await space.put('x/before', bytes('0'));
  const end = new AbortController();
  const seen: StoreChange[] = [];
  const watching = (async () => {
    for await (const change of space.watch('x/', { signal: end.signal })) {
      seen.push(change);
      if (seen.length === 203) end.abort();
    }
  })();
  await Promise.all(Array.from({ length: 200 }, (_, n) => space.put(`x/${n % 7}`, bytes(String(n)))));
  await space.put('y/other', bytes('no'));
  await space.delete('x/0');
  await space.delete('x/absent');
  await assert.rejects(space.put('x/1', bytes('no'), { ifRevision: 0 }));
  await space.put('x/0', bytes('200'));
  await space.put('x/empty', new Uint8Array());
  await watching;
  const values = seen.map(({ value }) => (value === undefined ? 'deleted' : Buffer.from(value).toString()));
  assert.deepEqual(values, [...Array.from({ length: 200 }, (_, n) => String(n)), 'deleted', '200', '']);
  const revisions = seen.map(({ revision }) => revision);
  assert.deepEqual(
    revisions,
    [...new Set(revisions)].sort((a, b) => a - b),
  );
});

test('CFG-52 (embedded) values, revisions and namespaces survive closing; namespaces do not see each other', async (t) => {
  const { store, path } = await opened(t);
  const { revision } = await store.namespace('a').put('k', Uint8Array.of(0, 255, 10));
  await store.namespace('b').put('k', bytes('b'));
  store.close();
  await assert.rejects(store.namespace('a').put('k', bytes('late')), fails('STORE_FAILED'));
  const again = await openEmbeddedStore(path);
  t.after(() => again.close());
  assert.deepEqual(await again.namespace('a').get('k'), { value: Uint8Array.of(0, 255, 10), revision });
  assert.deepEqual((await again.namespace('b').get('k'))?.value, bytes('b'));
  assert.equal(await again.namespace('c').get('k'), undefined);
  const next = await again.namespace('a').put('k2', bytes('x'));
  assert.ok(next.revision > revision);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
});

test('CFG-52 (embedded) list gives all keys below a prefix in order of code points, however many', async (t) => {
  const space = (await opened(t)).store.namespace('a');
  const keys = Array.from({ length: 600 }, (_, n) => `p/${String(n).padStart(4, '0')}`);
  await Promise.all(
    ['p', 'P/0', 'p0', 'q/1', 'p/_', 'p/=', 'p/A', ...keys].map((key) => space.put(key, bytes(key))),
  );
  const listed = [];
  for await (const { key, value } of space.list('p/')) {
    assert.deepEqual(value, bytes(key));
    listed.push(key);
  }
  assert.deepEqual(listed, [...keys, 'p/=', 'p/A', 'p/_']);
  const all = [];
  for await (const { key } of space.list('')) all.push(key);
  assert.equal(all.length, 607);
});

test('CFG-52 (embedded) keys, values and the size of a namespace have limits', async (t) => {
  const { store } = await opened(t);
  const limit = { most: 100 };
  const space = store.namespace('a', { maxSize: () => limit.most, limitName: 'plugins.a.limits.storeSize' });
  for (const key of ['', 'a b', 'ä', 'a\n', 'x'.repeat(257)])
    await assert.rejects(space.get(key), fails('STORE_KEY'));
  await assert.rejects(space.put('k', new Uint8Array(1024 * 1024 + 1)), fails('STORE_VALUE'));
  await space.put('k', new Uint8Array(99));
  await assert.rejects(space.put('l', new Uint8Array()), /plugins\.a\.limits\.storeSize \(100\)/);
  limit.most = 50;
  await space.put('k', new Uint8Array(60));
  await space.delete('k');
  await space.put('k', new Uint8Array(49));
  assert.equal(store.size('a'), 50);
  limit.most = 2 * 1024 * 1024;
  await space.put('m', new Uint8Array(1024 * 1024));
});

test('CFG-52 (embedded) a written value survives a kill of the process at any moment', async (t) => {
  const path = join(await temporary(t), 'store.db');
  const writer = fileURLToPath(new URL('./writer.ts', import.meta.url));
  for (const atLeast of [20, 200]) {
    const child = spawn(process.execPath, ['--conditions=alknet:source', '--import', 'tsx', writer, path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (text: string) => {
      said += text;
      if (said.split('\n').length > atLeast) child.kill('SIGKILL');
    });
    await once(child, 'close');
    const acknowledged = said.slice(0, said.lastIndexOf('\n')).split('\n');
    assert.ok(acknowledged.length >= atLeast - 1);
    const store = await openEmbeddedStore(path);
    const space = store.namespace('crash');
    for (const key of acknowledged) assert.deepEqual((await space.get(key))?.value, bytes(key), key);
    store.close();
  }
});

test('CFG-52 (embedded) a truncated or foreign file is refused by name with a remedy, and is left as it was', async (t) => {
  const { store, path } = await opened(t);
  await Promise.all(
    Array.from({ length: 200 }, (_, n) => store.namespace('a').put(`k${n}`, new Uint8Array(1000))),
  );
  store.close();
  const whole = await readFile(path);
  const damage: [string, () => Promise<void>, RegExp][] = [
    ['cut', () => truncate(path, 50_000), /is cut: expected \d+ bytes, found 50000/],
    ['empty', () => truncate(path, 0), /cut to 0 bytes/],
    ['foreign', () => writeFile(path, 'not a database'.repeat(20)), /is no database/],
    [
      'scribbled',
      () => writeFile(path, Buffer.concat([whole.subarray(0, 4096), Buffer.alloc(whole.length - 4096, 7)])),
      /damaged|malformed|cannot be opened/,
    ],
  ];
  for (const [what, harm, message] of damage) {
    await writeFile(path, whole);
    await harm();
    const harmed = await readFile(path);
    await assert.rejects(openEmbeddedStore(path), (error: unknown) => {
      assert.ok(error instanceof StoreError, what);
      assert.match(error.message, message);
      assert.ok(error.message.includes(path));
      assert.match(error.message, /backup/);
      return true;
    });
    assert.deepEqual(await readFile(path), harmed, what);
  }
});

test('CFG-52 (embedded) a second process does not get the file', async (t) => {
  const { path } = await opened(t);
  await assert.rejects(openEmbeddedStore(path), /in use by another process/);
});

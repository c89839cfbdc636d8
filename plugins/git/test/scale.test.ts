import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { all, collect, filled, realNode } from './support.ts';

const pushing = { push: { enabled: true } };

test('a repository with 20,000 commits is cloned whole and fetched from', async (t) => {
  const node = await realNode(t, pushing);
  const ada = await node.client('ada', all);
  await ada.call('git/create', { name: 'long' });
  const commits = Array.from(
    { length: 20_000 },
    (_, n) =>
      `commit refs/heads/main\ncommitter Ada <ada@example.org> ${1_700_000_000 + n} +0000\ndata 5\nwork\nM 100644 inline f${n % 100}\ndata ${String(n).length + 1}\n${n}\n\n`,
  );
  const imported = await collect(
    ada.spawn(['--git-dir', join(node.root, 'long.git'), 'fast-import', '--quiet']),
    commits.join(''),
  );
  assert.equal(imported.code, 0, imported.stderr);
  await ada.git(['clone', '--quiet', ada.url('long'), 'copy']);
  const copy = { cwd: join(ada.home, 'copy') };
  assert.equal(await ada.git(['rev-list', '--count', 'HEAD'], copy), '20000\n');
  await ada.git(['commit', '--quiet', '--allow-empty', '-m', 'one more'], copy);
  await ada.git(['push', '--quiet'], copy);
  await ada.git(['clone', '--quiet', '--depth=1', ada.url('long'), 'tip']);
});

test('50 clients clone at once, 10 identities of 5 each', async (t) => {
  const node = await realNode(t, pushing);
  const ada = await node.client('ada', all);
  await filled(ada, 'app');
  const readers = await Promise.all(
    Array.from({ length: 10 }, (_, n) => n).map((n) => node.client(`reader-${n}`, ['git:read:app'])),
  );
  const clones = readers.flatMap((reader) =>
    Array.from({ length: 5 }, async (_, n) => {
      const { code, stderr } = await reader.try(['clone', '--quiet', reader.url('app'), `copy-${n}`]);
      assert.equal(code, 0, stderr);
      return readFile(join(reader.home, `copy-${n}`, 'file-3.txt'), 'utf8');
    }),
  );
  for (const text of await Promise.all(clones)) assert.equal(text, 'app 3\n');
});

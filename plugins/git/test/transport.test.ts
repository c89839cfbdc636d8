import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { all, realNode } from './support.ts';

const pushing = { push: { enabled: true } };

test('GIT-04 stock git clones, fetches and pushes alknet:// URLs with no HTTP involved', async (t) => {
  const node = await realNode(t, pushing);
  const ada = await node.client('ada', all);
  await ada.call('git/create', { name: 'team/app' });
  const work = await ada.work('team/app', 3);
  const pushed = await ada.try(['push', 'origin', 'main'], { cwd: work });
  assert.equal(pushed.code, 0, pushed.stderr);
  assert.match(pushed.stderr, /\[new branch\]\s+main -> main/);

  await ada.git(['clone', '--quiet', ada.url('team/app'), 'copy']);
  const copy = join(ada.home, 'copy');
  assert.equal(await readFile(join(copy, 'file-3.txt'), 'utf8'), 'team/app 3\n');
  assert.equal(await ada.git(['symbolic-ref', '--short', 'HEAD'], { cwd: copy }), 'main\n');

  await ada.git(['commit', '--quiet', '--allow-empty', '-m', 'four'], { cwd: copy });
  await ada.git(['push', '--quiet'], { cwd: copy });
  await ada.git(['fetch', '--quiet', 'origin'], { cwd: work });
  assert.equal(await ada.git(['log', '-1', '--format=%s', 'origin/main'], { cwd: work }), 'four\n');
  assert.equal((await ada.try(['fsck', '--strict'], { cwd: work })).code, 0);
});

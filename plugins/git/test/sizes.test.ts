import assert from 'node:assert/strict';
import { test } from 'node:test';
import { all, filled, realNode } from './support.ts';

test('GIT-22 a repository whose packs may have no bytes takes none', async (t) => {
  const node = await realNode(t, { push: { enabled: true } });
  const ada = await node.client('ada', all);
  const work = await filled(ada, 'app');
  const before = await node.refs('app');
  await ada.call('git/settings/set', { name: 'app', push: { maxPackSize: 0 } });
  await ada.git(['commit', '--quiet', '--allow-empty', '-m', 'more'], { cwd: work });
  const { code, stderr } = await ada.try(['push', 'origin', 'main'], { cwd: work });
  assert.notEqual(code, 0);
  assert.match(stderr, /pack exceeds maximum allowed size/);
  assert.equal(await node.refs('app'), before);
});

test('a repository above its size still takes deletions, and nothing else', async (t) => {
  const push = { enabled: true, allowDelete: ['**'] };
  const node = await realNode(t, { push });
  const ada = await node.client('ada', all);
  const work = await filled(ada, 'app');
  await ada.git(['push', '--quiet', 'origin', 'main:topic'], { cwd: work });
  await node.configure({ push: { ...push, maxRepoSize: 10 } });
  const more = await ada.try(['push', 'origin', ':topic', 'main:more'], { cwd: work });
  assert.match(more.stderr, /alknet: refs\/heads\/more: the repository would take \d+ bytes; at most 10/);
  await ada.git(['push', '--quiet', 'origin', ':topic'], { cwd: work });
  assert.doesNotMatch(await node.refs('app'), /topic|more/);
});

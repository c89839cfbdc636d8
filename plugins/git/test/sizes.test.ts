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

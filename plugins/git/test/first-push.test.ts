import assert from 'node:assert/strict';
import { test } from 'node:test';
import { all, filled, realNode } from './support.ts';

test('a first push that cannot make its repository is told why', async (t) => {
  const config = { push: { enabled: true }, createOnPush: true, quota: { repositories: 1 } };
  const node = await realNode(t, config);
  const ada = await node.client('ada', all);
  const work = await filled(ada, 'app');
  const push = async (name: string) => (await ada.try(['push', ada.url(name), 'main'], { cwd: work })).stderr;
  assert.match(
    await push('two'),
    /push not permitted: two: ada has made 1 repositories and may make no more/,
  );
  assert.match(await push('app/two'), /push not permitted: app\/two: app\/two cannot be made: there is app/);
});

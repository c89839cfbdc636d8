import assert from 'node:assert/strict';
import { test } from 'node:test';
import { all, eventually, filled, pushing, realNode } from './support.ts';

test('GIT-25 who loses the right to read hears no more of a repository, on the subscription that it has', async (t) => {
  const node = await realNode(t, pushing);
  const ada = await node.client('ada', all);
  const bob = await node.client('bob', ['git:read:**']);
  const work = await filled(ada, 'app');
  const open = await filled(ada, 'open');
  const session = await bob.session();
  const heard: string[] = [];
  const following = (async () => {
    for await (const event of session.subscribe('git/events', { name: '*' })) {
      const { repo, updates } = event as { repo: string; updates: { ref: string }[] };
      heard.push(`${repo} ${updates[0]?.ref}`);
      if (updates[0]?.ref === 'refs/heads/public') return;
    }
  })();
  // An event that comes says that the subscription is there.
  let n = 0;
  await eventually('bob follows', async () => {
    if (heard.length === 0) await ada.git(['push', '--quiet', 'origin', `main:before-${n++}`], { cwd: open });
    return heard.length > 0;
  });
  await bob.grant(['git:read:open']);
  await ada.git(['push', '--quiet', 'origin', 'main:secret'], { cwd: work });
  await ada.git(['push', '--quiet', 'origin', 'main:public'], { cwd: open });
  await following;
  assert.ok(!heard.some((each) => each.startsWith('app')), heard.join());
});

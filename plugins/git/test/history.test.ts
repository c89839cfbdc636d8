import assert from 'node:assert/strict';
import { test } from 'node:test';
import { all, filled, realNode } from './support.ts';

const pushing = { push: { enabled: true } };

test('git/log tells a commit whose date has no form in RFC 3339, with null for it', async (t) => {
  const node = await realNode(t, pushing);
  const ada = await node.client('ada', all);
  const work = await filled(ada, 'app', 1);
  const plain = await ada.git(['cat-file', 'commit', 'HEAD'], { cwd: work });
  // The year 11476, and an offset of more than a day: git and its check of objects take both.
  for (const [n, date] of ['300000000000 +0000', '1 +9999'].entries()) {
    const input = plain.replace(/(author .*> ).*/, `$1${date}`);
    const id = await ada.git(['hash-object', '-t', 'commit', '-w', '--stdin'], { cwd: work, input });
    await ada.git(['push', '--quiet', 'origin', `${id.trim()}:refs/heads/odd-${n}`], { cwd: work });
    const { commits } = (await ada.call('git/log', { name: 'app', ref: `odd-${n}` })) as {
      commits: { id: string; author: { at: unknown }; committer: { at: unknown } }[];
    };
    assert.equal(commits[0]?.id, id.trim());
    assert.equal(commits[0]?.author.at, null);
    assert.match(String(commits[0]?.committer.at), /^\d{4}-/);
  }
});

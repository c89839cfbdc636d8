import assert from 'node:assert/strict';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { all, type Client, eventually, pushing, realNode } from './support.ts';

interface Event {
  readonly cursor: string;
  readonly repo: string;
  readonly type: string;
  readonly by: string;
  readonly via: string;
  readonly to?: string;
  readonly updates?: readonly { ref: string; old: string; new: string; kind: string; forced: boolean }[];
}

/** Follows `git/events` and takes so many at a time. */
async function follow(client: Client, input: Readonly<Record<string, unknown>> = {}) {
  const session = await client.session();
  const values = session.subscribe('git/events', input)[Symbol.asyncIterator]();
  return {
    next: async (): Promise<Event> => {
      const { value, done } = await values.next();
      assert.notEqual(done, true);
      return value as Event;
    },
    end: () => session.close(),
  };
}

test('GIT-25 git/events delivers exactly one event a push, to readers only, and replays from a cursor', async (t) => {
  const node = await realNode(t, { push: { enabled: true, allowForce: ['**'], allowDelete: ['**'] } });
  const ada = await node.client('ada', all);
  const bob = await node.client('bob', ['git:read:open/**']);
  // From before the first one.
  const [seenByAda, seenByBob] = [await follow(ada, { since: '0' }), await follow(bob, { since: '0' })];

  await ada.call('git/create', { name: 'secret/app' });
  await ada.call('git/create', { name: 'open/app' });
  assert.equal((await seenByAda.next()).type, 'create');
  assert.equal((await seenByAda.next()).repo, 'open/app');
  assert.equal((await seenByBob.next()).repo, 'open/app', 'the secret one is not shown');

  const work = await ada.work('open/app', 2);
  const [tip, first] = (await ada.git(['rev-list', 'HEAD'], { cwd: work })).trim().split('\n');
  const push = (...args: string[]) => ada.git(['push', '--quiet', 'origin', ...args], { cwd: work });
  const zero = '0'.repeat(40);
  await push('main', 'main:two', 'main:refs/tags/v1');
  const event = await seenByBob.next();
  assert.equal(event.via, 'alknet');
  assert.equal(event.by, 'ada');
  assert.deepEqual(event.updates, [
    { ref: 'refs/heads/main', old: zero, new: tip, kind: 'create', forced: false },
    { ref: 'refs/heads/two', old: zero, new: tip, kind: 'create', forced: false },
    { ref: 'refs/tags/v1', old: zero, new: tip, kind: 'create', forced: false },
  ]);
  await push('+HEAD~1:two');
  await push(':two');
  const [forced, removed] = [await seenByBob.next(), await seenByBob.next()];
  assert.deepEqual(forced.updates, [
    { ref: 'refs/heads/two', old: tip, new: first, kind: 'update', forced: true },
  ]);
  assert.deepEqual(removed.updates, [
    { ref: 'refs/heads/two', old: first, new: zero, kind: 'delete', forced: false },
  ]);
  // One that is refused is none.
  assert.notEqual((await ada.try(['push', 'origin', 'main:refs/pull/1'], { cwd: work })).code, 0);
  await push('main:three');
  const last = await seenByBob.next();
  assert.equal(last.updates?.[0]?.ref, 'refs/heads/three');
  assert.equal(Number(last.cursor), Number(removed.cursor) + 1);

  const replayed = await follow(bob, { since: event.cursor, name: 'open/*' });
  const again = [await replayed.next(), await replayed.next(), await replayed.next()];
  assert.deepEqual(again, [forced, removed, last]);
  await push('main:four');
  assert.equal((await replayed.next()).updates?.[0]?.ref, 'refs/heads/four');
  const beyond = await follow(ada, { since: '999999' });
  await assert.rejects(beyond.next(), { code: 'CURSOR_GONE' });
  for (const each of [seenByAda, seenByBob, replayed, beyond]) each.end();
});

test('GIT-26 git/create, info, refs, log, rename and delete do what §9 says, each refused without its scope', async (t) => {
  const node = await realNode(t, { ...pushing, urls: { https: 'https://node.example/git/' } });
  const ada = await node.client('ada', all);
  const reader = await node.client('reader', ['git:read:**']);
  const maker = await node.client('maker', ['git:read:**', 'git:create:mine/*']);

  const created = await ada.call('git/create', {
    name: 'team/app',
    description: 'An app.',
    defaultBranch: 'trunk',
  });
  assert.deepEqual(created, {
    name: 'team/app',
    urls: {
      alknet: `alknet://${node.node.z32}/team/app.git`,
      https: 'https://node.example/git/team/app.git',
    },
  });
  for (const [name, code] of [
    ['team/app', 'REPO_EXISTS'],
    ['Team/APP', 'REPO_EXISTS'],
    ['team', 'REPO_EXISTS'],
    ['team/app/inner', 'REPO_EXISTS'],
    ['a..b', 'NAME_INVALID'],
    ['-x', 'NAME_INVALID'],
    ['.trash/x', 'NAME_INVALID'],
    ['x.git', 'NAME_INVALID'],
    ['a//b', 'NAME_INVALID'],
  ] as const)
    await assert.rejects(ada.call('git/create', { name }), { code }, name);
  await assert.rejects(ada.call('git/create', { name: 'b', defaultBranch: 'x.lock' }), {
    code: 'NAME_INVALID',
  });
  await assert.rejects(reader.call('git/create', { name: 'mine/x' }), { code: 'FORBIDDEN' });
  await assert.rejects(maker.call('git/create', { name: 'other/x' }), { code: 'FORBIDDEN' });
  await maker.call('git/create', { name: 'mine/x' });

  const work = await ada.work('team/app', 4);
  await ada.git(['tag', '-a', 'v1', '-m', 'one', 'HEAD~1'], { cwd: work });
  await ada.git(['push', '--quiet', 'origin', 'main:trunk', 'v1'], { cwd: work });
  const ids = (await ada.git(['rev-list', 'HEAD'], { cwd: work })).trim().split('\n');

  const info = (await reader.call('git/info', { name: 'team/app' })) as Record<string, unknown>;
  assert.equal(info['description'], 'An app.');
  assert.equal(info['head'], 'refs/heads/trunk');
  assert.equal(info['createdBy'], 'ada');
  assert.equal(info['canWrite'], false);
  assert.ok(Number(info['size']) > 500);

  const tagId = (await ada.git(['rev-parse', 'v1'], { cwd: work })).trim();
  assert.deepEqual(await reader.call('git/refs', { name: 'team/app' }), {
    refs: [
      { ref: 'HEAD', id: ids[0], symref: 'refs/heads/trunk' },
      { ref: 'refs/heads/trunk', id: ids[0] },
      { ref: 'refs/tags/v1', id: tagId, peeled: ids[1] },
    ],
  });
  const page = (await reader.call('git/refs', { name: 'team/app', prefix: 'refs/', limit: 1 })) as {
    next: string;
  };
  assert.equal(page.next, 'refs/heads/trunk');
  assert.deepEqual(await reader.call('git/refs', { name: 'team/app', after: page.next }), {
    refs: [{ ref: 'refs/tags/v1', id: tagId, peeled: ids[1] }],
  });

  type Log = {
    commits: { id: string; subject: string; parents: string[]; author: { name: string } }[];
    next?: string;
  };
  const one = (await reader.call('git/log', { name: 'team/app', limit: 3 })) as Log;
  assert.deepEqual(
    one.commits.map(({ id }) => id),
    ids.slice(0, 3),
  );
  assert.equal(one.commits[0]?.subject, 'commit 4');
  assert.equal(one.commits[0]?.author.name, 'Ada');
  assert.deepEqual(one.commits[0]?.parents, [ids[1]]);
  const two = (await reader.call('git/log', { name: 'team/app', limit: 3, after: one.next })) as Log;
  assert.deepEqual(
    two.commits.map(({ id }) => id),
    ids.slice(3),
  );
  assert.equal(two.next, undefined);
  const tagged = (await reader.call('git/log', { name: 'team/app', ref: 'v1', path: 'file-2.txt' })) as Log;
  assert.deepEqual(
    tagged.commits.map(({ subject }) => subject),
    ['commit 2'],
  );

  for (const each of [reader, maker]) {
    await assert.rejects(each.call('git/rename', { name: 'team/app', to: 'mine/app' }), {
      code: 'FORBIDDEN',
    });
    await assert.rejects(each.call('git/delete', { name: 'team/app', confirm: 'team/app' }), {
      code: 'FORBIDDEN',
    });
    await assert.rejects(each.call('git/settings/set', { name: 'team/app', head: 'x' }), {
      code: 'FORBIDDEN',
    });
  }
  const both = await node.client('both', ['git:delete:team/*', 'git:create:new/**', 'git:read:team/**']);
  await assert.rejects(both.call('git/rename', { name: 'team/app', to: 'other/app' }), { code: 'FORBIDDEN' });
  await assert.rejects(ada.call('git/rename', { name: 'team/app', to: 'mine/x' }), { code: 'REPO_EXISTS' });
  assert.deepEqual(await both.call('git/rename', { name: 'team/app', to: 'new/deep/app' }), {
    name: 'new/deep/app',
  });
  const listed = (await reader.call('git/list', {})) as { repos: { name: string; description: string }[] };
  assert.deepEqual(
    listed.repos.map(({ name, description }) => [name, description]),
    [
      ['mine/x', ''],
      ['new/deep/app', 'An app.'],
    ],
  );
  assert.deepEqual(await readdir(node.root), ['mine', 'new'], 'the empty group is gone');

  await assert.rejects(ada.call('git/delete', { name: 'new/deep/app', confirm: 'yes' }), {
    code: 'INVALID_INPUT',
  });
  assert.deepEqual(await ada.call('git/delete', { name: 'new/deep/app', confirm: 'new/deep/app' }), {
    deleted: true,
  });
  await assert.rejects(ada.call('git/info', { name: 'new/deep/app' }), { code: 'REPO_NOT_FOUND' });
  const [entry = ''] = await readdir(join(node.root, '.trash'));
  assert.match(entry, /^\d{8}T\d{9}Z-new\+deep\+app$/);
  assert.match(await readFile(join(node.root, '.trash', entry, 'HEAD'), 'utf8'), /trunk/);
});

test('git/list pages through all that the caller may read', async (t) => {
  const node = await realNode(t);
  const ada = await node.client('ada', all);
  const names = ['a', 'b/one', 'b/two', 'c'];
  for (const name of names) await ada.call('git/create', { name });
  const bob = await node.client('bob', ['git:read:b/*', 'git:read:c']);
  const seen: string[] = [];
  let after: string | undefined;
  do {
    const page = (await bob.call('git/list', { limit: 1, ...(after === undefined ? {} : { after }) })) as {
      repos: { name: string }[];
      next?: string;
    };
    seen.push(...page.repos.map(({ name }) => name));
    after = page.next;
  } while (after !== undefined);
  assert.deepEqual(seen, names.slice(1));
  assert.deepEqual(((await ada.call('git/list', { prefix: 'b/' })) as { repos: unknown[] }).repos.length, 2);
});

test('quotas bound what one identity and all together may make', async (t) => {
  const node = await realNode(t, { quota: { repositories: 2 }, maxRepositories: 3 });
  const [ada, bob] = [await node.client('ada', all), await node.client('bob', all)];
  await ada.call('git/create', { name: 'one' });
  await ada.call('git/create', { name: 'two' });
  await assert.rejects(ada.call('git/create', { name: 'three' }), {
    code: 'QUOTA',
    message: /ada has made 2/,
  });
  await bob.call('git/create', { name: 'three' });
  await assert.rejects(bob.call('git/create', { name: 'four' }), { code: 'QUOTA', message: /holds 3/ });
  assert.deepEqual((await readdir(node.root)).sort(), ['one.git', 'three.git', 'two.git']);
});

test('a repository is packed anew after enough pushes, and what lies in the trash for long is removed', async (t) => {
  const node = await realNode(t, { ...pushing, maintenance: { pushes: 3 }, trashTtl: '1d' });
  const ada = await node.client('ada', all);
  await ada.call('git/create', { name: 'app' });
  const work = await ada.work('app');
  for (let n = 0; n < 3; n++) {
    await ada.git(['commit', '--quiet', '--allow-empty', '-m', `more ${n}`], { cwd: work });
    await ada.git(['push', '--quiet', 'origin', 'main'], { cwd: work });
  }
  const packs = async () =>
    (await readdir(join(node.root, 'app.git', 'objects', 'pack'))).filter((name) => name.endsWith('.pack'));
  await eventually('its three packs are one', async () => (await packs()).length === 1);
  await ada.git(['clone', '--quiet', ada.url('app'), 'copy']);
  await mkdir(join(node.root, '.trash', '20200101T000000000Z-old'), { recursive: true });
  await mkdir(join(node.root, '.trash', 'something-else'));
  await ada.call('git/delete', { name: 'app', confirm: 'app' });
  await eventually(
    'the old one is gone',
    async () => (await readdir(join(node.root, '.trash'))).length === 2,
  );
  assert.ok((await readdir(join(node.root, '.trash'))).includes('something-else'));
});

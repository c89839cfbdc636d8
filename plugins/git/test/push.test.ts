import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { all, type Client, type Node, pushing, realNode } from './support.ts';

const writer = ['git:write:**', 'git:create:**'];

async function start(
  t: Parameters<typeof realNode>[0],
  config: Readonly<Record<string, unknown>> = pushing,
): Promise<{ node: Node; bob: Client; work: string; push(...args: string[]): ReturnType<Client['try']> }> {
  const node = await realNode(t, config);
  const bob = await node.client('bob', writer);
  await bob.call('git/create', { name: 'app' });
  const work = await bob.work('app', 3);
  await bob.git(['push', '--quiet', 'origin', 'main', 'HEAD~1:refs/tags/v1'], { cwd: work });
  return { node, bob, work, push: (...args) => bob.try(['push', 'origin', ...args], { cwd: work }) };
}

test('GIT-08 a reader cannot push', async (t) => {
  const { node, work } = await start(t);
  const eve = await node.client('eve', ['git:read:**']);
  const before = await node.refs('app');
  await eve.git(['clone', '--quiet', eve.url('app'), 'copy']);
  const { code, stderr } = await eve.try(['push', eve.url('app'), 'main:eve'], { cwd: work });
  assert.notEqual(code, 0);
  assert.match(stderr, /remote error: push not permitted: app/);
  assert.equal(await node.refs('app'), before);
});

test('GIT-10 with pushing disabled every push is refused as a whole', async (t) => {
  const { node, bob, push } = await start(t);
  const before = await node.refs('app');
  await node.configure({});
  for (const args of [['main:new'], ['main:new', 'main:newer'], ['--tags']]) {
    const { code, stderr } = await push(...args);
    assert.notEqual(code, 0);
    assert.match(stderr, /remote error: push disabled/);
  }
  const admin = await node.client('root', all);
  assert.match((await admin.try(['ls-remote', admin.url('app')])).stdout, /refs\/heads\/main/);
  assert.equal(await node.refs('app'), before);
  // A repository of its own mind.
  await admin.call('git/settings/set', { name: 'app', push: { enabled: true } });
  assert.equal((await push('main:new')).code, 0);
  await node.configure(pushing);
  await admin.call('git/settings/set', { name: 'app', push: { enabled: false } });
  assert.match((await push('main:newer')).stderr, /push disabled/);
  const info = (await bob.call('git/info', { name: 'app' })) as { canWrite: boolean };
  assert.equal(info.canWrite, false);
});

test('GIT-11 a non-fast-forward is rejected and the ref unchanged; a listed glob allows it', async (t) => {
  const { node, push } = await start(t);
  const before = await node.refs('app');
  const refused = await push('--force', 'HEAD~1:main');
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, /remote: alknet: refs\/heads\/main: not a fast-forward/);
  assert.match(refused.stderr, /pre-receive hook declined/);
  assert.equal(await node.refs('app'), before);
  await node.configure({ push: { enabled: true, allowForce: ['refs/heads/main'] } });
  assert.equal((await push('--force', 'HEAD~1:main')).code, 0);
  assert.notEqual(await node.refs('app'), before);
  assert.equal((await push('main:other')).code, 0);
  assert.notEqual((await push('--force', 'HEAD~1:other')).code, 0, 'another branch is not listed');
});

test('GIT-12 a ref deletion is rejected; a listed glob allows it', async (t) => {
  const { node, push } = await start(t);
  await push('main:topic/x', 'main:keep');
  const before = await node.refs('app');
  const refused = await push('--delete', 'topic/x');
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, /alknet: refs\/heads\/topic\/x: deletion is not allowed/);
  assert.equal(await node.refs('app'), before);
  await node.configure({ push: { enabled: true, allowDelete: ['refs/heads/topic/*'] } });
  assert.equal((await push('--delete', 'topic/x')).code, 0);
  assert.doesNotMatch(await node.refs('app'), /topic/);
  assert.notEqual((await push('--delete', 'keep')).code, 0);
  assert.match(await node.refs('app'), /keep/);
});

test('GIT-13 a tag overwrite is rejected; a listed glob allows it', async (t) => {
  const { node, push } = await start(t);
  const before = await node.refs('app');
  const refused = await push('--force', 'main:refs/tags/v1');
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, /alknet: refs\/tags\/v1: the tag exists and does not move/);
  assert.equal(await node.refs('app'), before);
  await node.configure({ push: { enabled: true, allowTagUpdate: ['refs/tags/v*'] } });
  assert.equal((await push('--force', 'main:refs/tags/v1')).code, 0);
  assert.notEqual(await node.refs('app'), before);
});

test('GIT-16 with --atomic, and without, one refused ref leaves all refs unchanged', async (t) => {
  const { node, push } = await start(t);
  const before = await node.refs('app');
  for (const atomic of [['--atomic'], []]) {
    const { code, stderr } = await push(...atomic, 'main:new', '+HEAD~2:main', 'main:refs/tags/v2');
    assert.notEqual(code, 0);
    assert.match(stderr, /alknet: refs\/heads\/main: not a fast-forward/);
    assert.equal(await node.refs('app'), before);
  }
  // What git itself refuses when the refs move: a ref cannot lie below another.
  const raced = await push('--atomic', 'main:new', 'main:refs/heads/main/below');
  assert.notEqual(raced.code, 0);
  assert.equal(await node.refs('app'), before);
  assert.equal((await push('--atomic', 'main:one', 'main:two')).code, 0);
});

test('GIT-24 a push to refs/alknet/x, refs/pull/1 or refs/replace/x is refused', async (t) => {
  const { node, push } = await start(t, { push: { enabled: true, allowForce: ['**'], allowDelete: ['**'] } });
  const before = await node.refs('app');
  for (const ref of ['refs/alknet/x', 'refs/pull/1', 'refs/replace/x', `refs/heads/${'long/'.repeat(60)}x`]) {
    assert.notEqual((await push(`main:${ref}`)).code, 0, ref);
    assert.equal(await node.refs('app'), before, ref);
  }
});

test('GIT-22 a pack above the limit is refused and leaves nothing behind', async (t) => {
  const { node, bob, work, push } = await start(t, { push: { enabled: true, maxPackSize: '64KiB' } });
  const before = await node.refs('app');
  const noise = Buffer.from(Array.from({ length: 400_000 }, (_, n) => (n * 7919 + ((n * n) >> 3)) & 0xff));
  await writeFile(
    join(work, 'noise'),
    Buffer.concat([noise, Buffer.from(crypto.getRandomValues(new Uint8Array(60_000)))]),
  );
  await writeFile(join(work, 'noise2'), crypto.getRandomValues(new Uint8Array(60_000)));
  await bob.git(['add', '.'], { cwd: work });
  await bob.git(['commit', '--quiet', '-m', 'noise'], { cwd: work });
  const { code, stderr } = await push('main');
  assert.notEqual(code, 0);
  assert.match(stderr, /pack exceeds maximum allowed size/);
  assert.equal(await node.refs('app'), before);
  assert.deepEqual(await node.leftovers('app'), []);
  await node.configure({ push: { enabled: true, maxRepoSize: '64KiB' } });
  const full = await push('main');
  assert.match(full.stderr, /alknet: refs\/heads\/main: the repository would take \d+ bytes/);
  assert.deepEqual(await node.leftovers('app'), []);
  await node.configure({ push: { enabled: true, maxRefs: 2 } });
  assert.match((await push('main:a', 'main:b', 'main:c')).stderr, /3 refs at once; at most 2 are allowed/);
  await node.configure(pushing);
  assert.equal((await push('main')).code, 0);
});

test('GIT-27 git:write:{peer}/** lets each peer write under its own id only', async (t) => {
  const node = await realNode(t, { push: { enabled: true }, createOnPush: true });
  const own = ['git:write:{peer}/**', 'git:create:{peer}/**', 'git:read:**'];
  const [ada, bob] = [await node.client('ada', own), await node.client('bob', own)];
  await ada.call('git/create', { name: 'ada/app' });
  const work = await ada.work('ada/app');
  await ada.git(['push', '--quiet', 'origin', 'main'], { cwd: work });
  await assert.rejects(bob.call('git/create', { name: 'ada/other' }), { code: 'FORBIDDEN' });
  const refused = await bob.try(['push', bob.url('ada/app'), 'main:bob'], { cwd: work });
  assert.match(refused.stderr, /push not permitted: ada\/app/);
  await bob.git(['push', '--quiet', bob.url('bob/deep/app'), 'main'], { cwd: work });
  assert.match(await node.refs('bob/deep/app'), /refs\/heads\/main/);
});

test('GIT-31 corrupt objects are refused by the object check', async (t) => {
  const { node, bob, work, push } = await start(t);
  const before = await node.refs('app');
  // A commit whose author has no e-mail address, which no git makes by itself.
  const tree = (await bob.git(['rev-parse', 'HEAD^{tree}'], { cwd: work })).trim();
  const bad = `tree ${tree}\nauthor Ada 1700000000 +0000\ncommitter Ada <a@b> 1700000000 +0000\n\nbad\n`;
  const args = ['hash-object', '-t', 'commit', '-w', '--stdin', '--literally'];
  const id = (await bob.git(args, { cwd: work, input: bad })).trim();
  const { code, stderr } = await push(`${id}:refs/heads/bad`);
  assert.notEqual(code, 0);
  assert.match(stderr, /missingEmail|fsck error/);
  // A tree with a .git entry would be checked out over the repository of whoever clones it.
  const blob = (await bob.git(['rev-parse', 'HEAD:file-1.txt'], { cwd: work })).trim();
  const entry = Buffer.concat([Buffer.from('100644 .git\0'), Buffer.from(blob, 'hex')]);
  const evil = (
    await bob.git(['hash-object', '-t', 'tree', '-w', '--stdin', '--literally'], { cwd: work, input: entry })
  ).trim();
  const commit = (await bob.git(['commit-tree', '-m', 'evil', evil], { cwd: work })).trim();
  assert.notEqual((await push(`${commit}:refs/heads/evil`)).code, 0);
  assert.equal(await node.refs('app'), before);
  assert.deepEqual(await node.leftovers('app'), []);
});

test('GIT-32 a protected branch takes updates only from its principals', async (t) => {
  const { node, bob, work, push } = await start(t);
  await node.configure({
    push: { enabled: true, protect: [{ ref: 'refs/heads/main', principals: ['carol', 'role:release'] }] },
  });
  await bob.git(['commit', '--quiet', '--allow-empty', '-m', 'more'], { cwd: work });
  const refused = await push('main');
  assert.match(refused.stderr, /alknet: refs\/heads\/main: the ref is protected/);
  assert.equal((await push('main:topic')).code, 0);
  const carol = await node.client('carol', writer);
  assert.equal((await carol.try(['push', carol.url('app'), 'main'], { cwd: work })).code, 0);
  await bob.git(['commit', '--quiet', '--allow-empty', '-m', 'most'], { cwd: work });
  assert.notEqual((await push('main')).code, 0);
  await bob.grant([...writer, 'role:release']);
  assert.equal((await push('main')).code, 0);
});

test('git:admin passes the rules that §6 says it passes, and no others', async (t) => {
  const { node, work } = await start(t);
  await node.configure({
    push: { enabled: true, maxRefs: 2, protect: [{ ref: 'refs/heads/**', principals: [] }] },
  });
  const root = await node.client('root', all);
  const push = (...args: string[]) => root.try(['push', root.url('app'), ...args], { cwd: work });
  for (const args of [['+HEAD~1:main'], ['+main:refs/tags/v1'], [':refs/tags/v1']])
    assert.equal((await push(...args)).code, 0, args.join(' '));
  assert.notEqual((await push('main:refs/pull/1')).code, 0);
  assert.notEqual((await push('main:a', 'main:b', 'main:c')).code, 0);
});

test('a branch points at a commit and at nothing else', async (t) => {
  const { bob, work, push } = await start(t);
  await bob.git(['tag', '-a', 'annotated', '-m', 'text'], { cwd: work });
  const { stderr } = await push('refs/tags/annotated:refs/heads/tagged');
  assert.match(stderr, /a branch points at a commit, found a tag/);
  assert.equal((await push('annotated')).code, 0);
});

test('a first push makes the repository when it may, its one branch becomes HEAD, and one that brings nothing leaves nothing', async (t) => {
  const node = await realNode(t, { push: { enabled: true }, createOnPush: true });
  const bob = await node.client('bob', writer);
  const work = await bob.work('fresh/app');
  const info = async () =>
    (await bob.call('git/info', { name: 'fresh/app' })) as { head: string; createdBy: string };
  const refused = await bob.try(['push', 'origin', 'main:refs/pull/1'], { cwd: work });
  assert.notEqual(refused.code, 0);
  await assert.rejects(info(), { code: 'REPO_NOT_FOUND' });
  await bob.git(['push', '--quiet', 'origin', 'main:trunk'], { cwd: work });
  assert.deepEqual(await info().then(({ head, createdBy }) => ({ head, createdBy })), {
    head: 'refs/heads/trunk',
    createdBy: 'bob',
  });
  const eve = await node.client('eve', ['git:write:**']);
  const stranger = await eve.try(['push', eve.url('eve'), 'main'], { cwd: work });
  assert.match(stranger.stderr, /repository not found: eve/);
  await node.configure({ push: { enabled: true } });
  const off = await bob.try(['push', bob.url('another'), 'main'], { cwd: work });
  assert.match(off.stderr, /repository not found: another/);
});

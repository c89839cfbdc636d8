import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { all, filled, pushing, realNode } from './support.ts';

test('GIT-04 stock git clones, fetches and pushes alknet:// URLs with no HTTP involved', async (t) => {
  const node = await realNode(t, pushing);
  const ada = await node.client('ada', all);
  await ada.call('git/create', { name: 'team/app' });
  const work = await ada.work('team/app', 3);
  const pushed = await ada.try(['push', 'origin', 'main'], { cwd: work });
  assert.equal(pushed.code, 0, pushed.stderr);
  assert.match(pushed.stderr, /\[new branch\]\s+main -> main/);

  const cloned = await ada.try(['clone', '--progress', ada.url('team/app'), 'copy']);
  assert.match(cloned.stderr, /Receiving objects: 100%/);
  const copy = join(ada.home, 'copy');
  assert.equal(await readFile(join(copy, 'file-3.txt'), 'utf8'), 'team/app 3\n');
  assert.equal(await ada.git(['symbolic-ref', '--short', 'HEAD'], { cwd: copy }), 'main\n');

  await ada.git(['commit', '--quiet', '--allow-empty', '-m', 'four'], { cwd: copy });
  await ada.git(['push', '--quiet'], { cwd: copy });
  await ada.git(['fetch', '--quiet', 'origin'], { cwd: work });
  assert.equal(await ada.git(['log', '-1', '--format=%s', 'origin/main'], { cwd: work }), 'four\n');
  assert.equal((await ada.try(['fsck', '--strict'], { cwd: work })).code, 0);
});

test('GIT-05 the helper negotiates protocol 2, and the prefixes of ls-refs are heeded', async (t) => {
  const node = await realNode(t, pushing);
  const ada = await node.client('ada', all);
  const work = await filled(ada, 'app');
  await ada.git(['push', '--quiet', 'origin', 'main:other', 'main:refs/tags/v1'], { cwd: work });
  const trace = { env: { GIT_TRACE_PACKET: '1' } };
  const listed = await ada.try(['ls-remote', '--heads', ada.url('app')], trace);
  assert.equal(listed.stdout.split('\n').length - 1, 2);
  assert.match(listed.stderr, /< version 2/);
  assert.match(listed.stderr, /> ref-prefix refs\/heads\//);
  assert.doesNotMatch(listed.stderr, /refs\/tags\/v1/, 'the node sends what was asked for');
  for (const version of ['0', '1']) {
    const { code, stderr } = await ada.try(
      ['-c', `protocol.version=${version}`, 'ls-remote', ada.url('app')],
      trace,
    );
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stderr, /< version 2/);
    if (version === '1') assert.match(stderr, /< version 1/);
    await ada.git(['-c', `protocol.version=${version}`, 'clone', '--quiet', ada.url('app'), `v${version}`]);
  }
});

test('GIT-06 shallow clones, deepening fetches and partial clones work', async (t) => {
  const node = await realNode(t, pushing);
  const ada = await node.client('ada', all);
  await filled(ada, 'app', 6);
  await ada.git(['clone', '--quiet', '--depth=2', ada.url('app'), 'shallow']);
  const cwd = join(ada.home, 'shallow');
  const count = async () => Number(await ada.git(['rev-list', '--count', 'HEAD'], { cwd }));
  assert.equal(await count(), 2);
  await ada.git(['fetch', '--quiet', '--deepen=2'], { cwd });
  assert.equal(await count(), 4);
  await ada.git(['fetch', '--quiet', '--unshallow'], { cwd });
  assert.equal(await count(), 6);

  await ada.git(['clone', '--quiet', '--shallow-since=2000-01-01', ada.url('app'), 'since']);
  await ada.git(['clone', '--quiet', '--filter=blob:none', '--no-checkout', ada.url('app'), 'partial']);
  const partial = { cwd: join(ada.home, 'partial') };
  const missing = async () =>
    (await ada.git(['rev-list', '--objects', '--missing=print', 'HEAD'], partial)).match(/^\?/gm)?.length ??
    0;
  assert.equal(await missing(), 6);
  // Each blob that is looked at is fetched now.
  assert.equal(await ada.git(['show', 'HEAD:file-5.txt'], partial), 'app 5\n');
  assert.equal(await missing(), 5);
  await ada.git(['checkout', '--quiet', 'main'], partial);
  assert.equal(await missing(), 0);
});

test('sparse checkouts, submodules, bundles, tags and single branches work as with any remote', async (t) => {
  const node = await realNode(t, pushing);
  const ada = await node.client('ada', all);
  const library = await filled(ada, 'library', 2);
  await ada.git(['tag', '-a', 'v1', '-m', 'one'], { cwd: library });
  await ada.git(['tag', 'light'], { cwd: library });
  await ada.git(['push', '--quiet', '--tags', 'origin'], { cwd: library });
  await ada.git(['push', '--quiet', 'origin', 'main:next'], { cwd: library });

  const allow = ['-c', 'protocol.alknet.allow=always'];
  const app = await filled(ada, 'app', 1);
  await mkdir(join(app, 'docs'));
  await writeFile(join(app, 'docs', 'guide.md'), 'guide\n');
  await ada.git([...allow, 'submodule', '--quiet', 'add', ada.url('library'), 'library'], { cwd: app });
  await ada.git(['add', '.'], { cwd: app });
  await ada.git(['commit', '--quiet', '-m', 'uses the library'], { cwd: app });
  await ada.git(['push', '--quiet', 'origin', 'main'], { cwd: app });
  await ada.git([...allow, 'clone', '--quiet', '--recurse-submodules', ada.url('app'), 'whole']);
  assert.equal(await readFile(join(ada.home, 'whole', 'library', 'file-2.txt'), 'utf8'), 'library 2\n');

  await ada.git(['clone', '--quiet', '--filter=blob:none', '--sparse', ada.url('app'), 'sparse']);
  const sparse = { cwd: join(ada.home, 'sparse') };
  await ada.git(['sparse-checkout', 'set', 'docs'], sparse);
  assert.equal(await readFile(join(sparse.cwd, 'docs', 'guide.md'), 'utf8'), 'guide\n');

  await ada.git(['clone', '--quiet', '--single-branch', '--branch=next', ada.url('library'), 'single']);
  const single = { cwd: join(ada.home, 'single') };
  assert.equal((await ada.git(['branch', '-r'], single)).trim(), 'origin/next');
  assert.equal(await ada.git(['tag'], single), 'light\nv1\n');

  await ada.git(['bundle', 'create', '--quiet', join(ada.home, 'b.bundle'), 'main'], { cwd: library });
  await ada.git(['clone', '--quiet', '--branch=main', 'b.bundle', 'bundled']);
  const bundled = { cwd: join(ada.home, 'bundled') };
  await ada.git(['remote', 'set-url', 'origin', ada.url('library')], bundled);
  await ada.git(['fetch', '--quiet', '--all'], bundled);
  assert.match(await ada.git(['branch', '-r'], bundled), /origin\/next/);
});

test('GIT-17 git clone ext::alknet pipe works when git is told to allow ext', async (t) => {
  const node = await realNode(t, pushing);
  const ada = await node.client('ada', all);
  await filled(ada, 'app');
  const peer = `127.0.0.1:${node.port}#${node.node.id}`;
  const url = `ext::alknet pipe ${peer} alknet/git %G/app.git`;
  await ada.git(['-c', 'protocol.ext.allow=user', 'clone', '--quiet', url, 'copy']);
  assert.equal(await readFile(join(ada.home, 'copy', 'file-3.txt'), 'utf8'), 'app 3\n');
  const refused = await ada.try(['clone', '--quiet', url, 'again']);
  assert.match(refused.stderr, /transport 'ext' not allowed/);
});

test('GIT-28 git archive --remote works over the helper', async (t) => {
  const node = await realNode(t, pushing);
  const ada = await node.client('ada', all);
  await filled(ada, 'app');
  await ada.git(['archive', '--format=tar', '-o', 'app.tar', `--remote=${ada.url('app')}`, 'main']);
  const tar = await readFile(join(ada.home, 'app.tar'));
  assert.ok(tar.includes('file-3.txt') && tar.includes('app 3\n'));
  await node.configure({ ...pushing, archive: { enabled: false } });
  const refused = await ada.try(['archive', `--remote=${ada.url('app')}`, 'main']);
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, /unknown service/);
});

test('GIT-29 a SHA-256 repository can be created, pushed and cloned', async (t) => {
  const node = await realNode(t, pushing);
  const ada = await node.client('ada', all);
  const work = await filled(ada, 'new-hash', 2, 'sha256');
  await ada.git(['clone', '--quiet', ada.url('new-hash'), 'copy']);
  const id = await ada.git(['rev-parse', 'HEAD'], { cwd: join(ada.home, 'copy') });
  assert.match(id, /^[0-9a-f]{64}\n$/);
  assert.equal(id, await ada.git(['rev-parse', 'HEAD'], { cwd: work }));
  const info = (await ada.call('git/info', { name: 'new-hash' })) as { objectFormat: string };
  assert.equal(info.objectFormat, 'sha256');
  // Neither format is pushed into the other.
  await ada.call('git/create', { name: 'old-hash' });
  const mixed = await ada.try(['push', ada.url('old-hash'), 'main'], { cwd: work });
  assert.notEqual(mixed.code, 0);
  assert.equal(await node.refs('old-hash'), '');
});

test('a GIT_PROTOCOL that says nothing is version 0', async (t) => {
  const node = await realNode(t, { push: { enabled: true } });
  const ada = await node.client('ada', all);
  await filled(ada, 'app');
  for (const version of ['', ':']) {
    const { code, stdout, stderr } = await ada.try(['ls-remote', ada.url('app')], {
      env: { GIT_PROTOCOL: version },
    });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /refs\/heads\/main/);
  }
});

/** What a client asks for, in words made to reach what it may not. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { answer, line, open } from './raw-stream.ts';
import { all, startedWithApp } from './support.ts';

test('GIT-07 a malformed request line ends only that stream', async (t) => {
  const { ada } = await startedWithApp(t);
  const connection = await ada.dial();
  t.after(() => connection.close());
  const good = await open(connection, line('git-upload-pack /app.git\0\0version=2\0'));
  const malformed = [
    'xxxx', // no length
    '0000', // no line at all
    '0004', // nothing in it
    '1fff', // longer than a request may be
    line('git-upload-pack').toString('latin1'),
    line('git-upload-pack \0').toString('latin1'),
    line('git-upload-pack /app.git').toString('latin1'),
    line('git-upload-pack /app.git\0host').toString('latin1'),
    line('git-upload-pack /app.git\0\0version=2').toString('latin1'),
    line(`git-upload-pack /app.git\0\0${'a=b\0'.repeat(17)}`).toString('latin1'),
    line('GIT-UPLOAD-PACK /app.git\0').toString('latin1'),
  ];
  for (const text of malformed) {
    const stream = await open(connection, Buffer.from(text, 'latin1'));
    assert.equal(await answer(stream), '0019ERR malformed request', JSON.stringify(text));
  }
  // One that ends in the middle.
  const cut = await open(connection, Buffer.from('00'));
  cut.end();
  assert.equal(await answer(cut), '0019ERR malformed request');
  for (const word of ['git-upload-pack --upload-pack=x', 'git-shell /app.git', 'upload-pack /app.git']) {
    const text = await answer(await open(connection, line(`${word}\0`)));
    assert.match(text, /^00..ERR (?:unknown service|repository not found: --upload-pack=x)$/);
  }
  assert.match(await answer(good, 18), /^000eversion 2\n/);
  good.destroy();
});

test('GIT-09 a stranger can neither list nor clone, and cannot tell an existing repository from a missing one', async (t) => {
  const { node } = await startedWithApp(t);
  const eve = await node.client('eve', ['git:read:other/**']);
  const [there, missing] = await Promise.all(
    ['app', 'nope'].map((name) => eve.try(['clone', '--quiet', eve.url(name)])),
  );
  assert.match(there?.stderr ?? '', /remote error: repository not found: app\n/);
  assert.equal(there?.code, missing?.code);
  assert.equal(there?.stderr.replaceAll('app', 'X'), missing?.stderr.replaceAll('nope', 'X'));
  assert.deepEqual(await eve.call('git/list', {}), { repos: [] });
  for (const operation of ['git/info', 'git/refs', 'git/log']) {
    for (const name of ['app', 'nope'])
      await assert.rejects(eve.call(operation, { name }), {
        code: 'REPO_NOT_FOUND',
        message: `repository not found: ${name}`,
      });
  }
  // Nobody at all: a key that the node does not know.
  await node.client('gone', []);
  const nobody = await node.client('nobody', all);
  await nobody.grant([]);
  assert.match((await nobody.try(['ls-remote', nobody.url('app')])).stderr, /repository not found: app/);
});

test('GIT-14 a name leaving the root, by .., absolute, encoding or symbolic link, is not found', async (t) => {
  const { node, ada } = await startedWithApp(t);
  const outside = join(node.directory, 'outside');
  execFileSync('git', ['init', '--quiet', '--bare', join(outside, 'secret.git')]);
  await symlink(join(outside, 'secret.git'), join(node.root, 'link.git'));
  await symlink(outside, join(node.root, 'group'));
  // A repository that is one outside, but for a link.
  await mkdir(join(node.root, 'hollow.git'));
  for (const part of ['objects', 'refs', 'HEAD', 'config'])
    await symlink(join(outside, 'secret.git', part), join(node.root, 'hollow.git', part));
  const connection = await ada.dial();
  t.after(() => connection.close());
  const paths = [
    '/../outside/secret.git',
    '/app.git/../../outside/secret',
    `${outside}/secret.git`,
    '/%2e%2e/outside/secret',
    '/..%2foutside/secret',
    '/link',
    '/link.git',
    '/group/secret',
    '/hollow',
    '/~/app',
    '/~root/app',
    '/app.git/objects',
    '/.trash/app',
    '/app\\..\\x',
    '/./app',
    '/app//x',
    '/APP',
    '/app.git.git',
    '/app.lock',
    '/app.',
    '/-app',
    '/--help',
    `/${'a/'.repeat(8)}b`,
    `/${'a'.repeat(101)}`,
    '/\xc3\xa4pp',
    '/ap\x01p',
    '/',
  ];
  for (const path of paths) {
    const text = await answer(await open(connection, line(`git-upload-pack ${path}\0`)));
    assert.match(text, /^[0-9a-f]{4}ERR repository not found: /, path);
  }
  for (const path of ['app', '/app', '//app.git', '/app.git/']) {
    const stream = await open(connection, line(`git-upload-pack ${path}\0`));
    assert.match(await answer(stream, 40), /^[0-9a-f]{4}[0-9a-f]{40} HEAD\0/, path);
    stream.destroy();
  }
});

test('GIT-33 git/log with a ref of --output=x gives an error and writes no file', async (t) => {
  const { node, ada } = await startedWithApp(t);
  const before = await readdir(join(node.root, 'app.git'));
  for (const ref of [
    '--output=x',
    '--output=/tmp/x',
    '-p',
    '--all',
    'HEAD~1',
    '@{-1}',
    ':/commit',
    'main..main',
    'x y',
  ])
    await assert.rejects(ada.call('git/log', { name: 'app', ref }), { code: 'REF_NOT_FOUND' }, ref);
  for (const after of ['--output=x', `${'1'.repeat(40)}.1 --all`, 'main'])
    await assert.rejects(ada.call('git/log', { name: 'app', after }), { code: 'INVALID_INPUT' }, after);
  for (const path of ['../x', '/etc/passwd', 'a\0b'])
    await assert.rejects(ada.call('git/log', { name: 'app', path }), { code: 'INVALID_INPUT' }, path);
  // A path is a path, whatever it looks like.
  assert.deepEqual(await ada.call('git/log', { name: 'app', path: '--output=x' }), { commits: [] });
  assert.deepEqual(await ada.call('git/log', { name: 'app', path: ':(glob)**' }), { commits: [] });
  assert.deepEqual(await readdir(join(node.root, 'app.git')), before);
  await assert.rejects(readFile(join(process.cwd(), 'x')), { code: 'ENOENT' });
});

/** The same repositories through the SSH plugin of a real node, with stock ssh. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { all, type Client, filled, type Node, pushing, realNode, ways } from './support.ts';

/** Stock ssh with the client's key, over a stream of the node. */
function overSsh(node: Node, client: Client): { env: Record<string, string>; url(name: string): string } {
  const options = [
    '-F none',
    `-i ${join(client.home, 'alknet', 'operator.key')}`,
    '-o IdentitiesOnly=yes',
    '-o StrictHostKeyChecking=no',
    '-o UserKnownHostsFile=/dev/null',
    '-o LogLevel=ERROR',
    `-o ProxyCommand='alknet pipe 127.0.0.1:${node.port}#${node.node.id} alknet/ssh'`,
  ];
  return {
    env: { GIT_SSH_COMMAND: `ssh ${options.join(' ')}` },
    url: (name) => `ssh://git@node.example/${name}.git`,
  };
}

async function sshNode(t: TestContext): Promise<{ node: Node; ada: Client; work: string }> {
  execFileSync('ssh', ['-V'], { stdio: 'ignore' });
  const node = await realNode(t, pushing, { ssh: true });
  const ada = await node.client('ada', all);
  return { node, ada, work: await filled(ada, 'team/app') };
}

test('GIT-01, GIT-02, GIT-03 stock git clones, fetches and pushes through SSH', async (t) => {
  const { node, ada, work } = await sshNode(t);
  const { env, url } = overSsh(node, ada);
  const cloned = await ada.try(['clone', url('team/app'), 'copy'], {
    env: { ...env, GIT_TRACE_PACKET: '1' },
  });
  assert.equal(cloned.code, 0, cloned.stderr);
  // GIT-05: over SSH too.
  assert.match(cloned.stderr, /< version 2/);
  const copy = { cwd: join(ada.home, 'copy'), env };
  assert.equal(await readFile(join(copy.cwd, 'file-3.txt'), 'utf8'), 'team/app 3\n');
  await ada.git(['commit', '--quiet', '--allow-empty', '-m', 'four'], { cwd: work });
  await ada.git(['push', '--quiet', 'origin', 'main'], { cwd: work });
  await ada.git(['fetch', '--quiet'], copy);
  assert.equal(await ada.git(['log', '-1', '--format=%s', 'origin/main'], copy), 'four\n');
  await ada.git(['merge', '--quiet', '--ff-only', 'origin/main'], copy);
  await ada.git(['commit', '--quiet', '--allow-empty', '-m', 'five'], copy);
  const pushed = await ada.try(['push'], copy);
  assert.equal(pushed.code, 0, pushed.stderr);
  assert.match(await ada.git(['ls-remote', ada.url('team/app')]), /refs\/heads\/main/);
  const refused = await ada.try(['push', 'origin', 'HEAD:refs/pull/1'], copy);
  assert.match(refused.stderr, /alknet: refs\/pull\/1: only well-formed refs/);
  assert.deepEqual(await ways(ada, 3), ['call', 'alknet', 'alknet', 'ssh']);
  const bob = await node.client('bob', ['git:read:other']);
  const stranger = await bob.try(['ls-remote', url('team/app')], { env: overSsh(node, bob).env });
  assert.match(stranger.stderr, /repository not found: team\/app/);
  await node.configure({});
  assert.match((await ada.try(['push', 'origin', 'HEAD:x'], copy)).stderr, /push disabled|not permitted/);
});

test('GIT-05 SSH hands GIT_PROTOCOL on, and ls-refs heeds its prefixes', async (t) => {
  const { node, ada } = await sshNode(t);
  const { env, url } = overSsh(node, ada);
  const trace = { env: { ...env, GIT_TRACE_PACKET: '1' } };
  const { stderr } = await ada.try(['ls-remote', '--heads', url('team/app')], trace);
  assert.match(stderr, /< version 2/);
  assert.match(stderr, /> ref-prefix refs\/heads\//);
  await ada.git(['clone', '--quiet', '--depth=1', '--filter=blob:none', url('team/app'), 'partial'], { env });
});

test('GIT-28 git archive --remote works over SSH', async (t) => {
  const { node, ada } = await sshNode(t);
  const { env, url } = overSsh(node, ada);
  await ada.git(['archive', '--format=tar', '-o', 'app.tar', `--remote=${url('team/app')}`, 'main'], { env });
  assert.ok((await readFile(join(ada.home, 'app.tar'))).includes('team/app 3\n'));
});

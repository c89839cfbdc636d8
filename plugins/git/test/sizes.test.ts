import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { answer, line, open } from './raw-stream.ts';
import { all, type Client, filled, pushing, realNode } from './support.ts';

/** Sends `head`, and `packet` again and again until the node ends the stream, or `most` bytes are sent. How many were. */
async function sentUntilEnded(
  t: TestContext,
  client: Client,
  head: readonly Buffer[],
  packet: Buffer,
  most: number,
): Promise<number> {
  const connection = await client.dial();
  t.after(() => connection.close());
  const stream = await open(connection, Buffer.concat(head));
  const whole = answer(stream);
  const many = Buffer.concat(Array.from({ length: Math.ceil(250_000 / packet.length) }, () => packet));
  let sent = 0;
  for (; !stream.destroyed && sent < most; sent += many.length)
    if (!stream.write(many)) await Promise.race([new Promise((go) => stream.once('drain', go)), whole]);
  await whole;
  return sent;
}

test('GIT-22 a repository whose packs may have no bytes takes none', async (t) => {
  const node = await realNode(t, pushing);
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

test('a push whose commands do not end is ended, before git has them all in memory', async (t) => {
  const node = await realNode(t, { push: { enabled: true, maxRefs: 10 } });
  const ada = await node.client('ada', all);
  await filled(ada, 'app');
  const command = line(`${'0'.repeat(40)} ${'1'.repeat(40)} refs/heads/${'x'.repeat(200)}`);
  const sent = await sentUntilEnded(t, ada, [line('git-receive-pack /app.git\0')], command, 64 * 1024 * 1024);
  assert.ok(sent < 32 * 1024 * 1024, `${sent} bytes`);
  await ada.git(['ls-remote', ada.url('app')]);
});

test('a fetch that asks without an end is ended, before git has all of it in memory', async (t) => {
  const node = await realNode(t, pushing);
  const ada = await node.client('ada', all);
  await filled(ada, 'app');
  const head = [line('git-upload-pack /app.git\0\0version=2\0'), line('command=ls-refs\n')];
  const option = line(`server-option=${'x'.repeat(60_000)}`);
  const sent = await sentUntilEnded(t, ada, head, option, 128 * 1024 * 1024);
  assert.ok(sent > 31 * 1024 * 1024 && sent < 64 * 1024 * 1024, `${sent} bytes`);
  await ada.git(['ls-remote', ada.url('app')]);
});

test('a push of more refs than one event holds is told in several', async (t) => {
  const node = await realNode(t, { push: { enabled: true, maxRefs: 2000 } });
  const ada = await node.client('ada', all);
  const work = await filled(ada, 'app');
  const head = (await ada.git(['rev-parse', 'main'], { cwd: work })).trim();
  const refs = Array.from({ length: 1200 }, (_, n) => `refs/tags/${'v'.repeat(200)}-${n}`);
  const input = refs.map((ref) => `create ${ref} ${head}\n`).join('');
  await ada.git(['update-ref', '--stdin'], { cwd: work, input });
  await ada.git(['push', '--quiet', 'origin', '--tags'], { cwd: work });
  const told: string[] = [];
  const session = await ada.session();
  for await (const event of session.subscribe('git/events', { since: '0' })) {
    const { updates = [] } = event as { updates?: { ref: string }[] };
    told.push(...updates.map(({ ref }) => ref).filter((ref) => ref.startsWith('refs/tags/')));
    if (told.length === refs.length) break;
  }
  assert.deepEqual(told.sort(), refs.sort());
});

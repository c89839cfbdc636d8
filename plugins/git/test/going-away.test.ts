import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { answer, line, open } from './raw-stream.ts';
import { all, type Client, eventually, filled, processesOn, pushing, realNode } from './support.ts';

const zero = '0'.repeat(40);

/** The bytes of a push of one commit without a parent. */
async function firstPush(client: Client, ref: string): Promise<Buffer[]> {
  const work = await client.work('source', 1);
  const tip = (await client.git(['rev-parse', 'HEAD'], { cwd: work })).trim();
  const child = client.spawn(['pack-objects', '--stdout', '--revs', '--quiet'], { cwd: work });
  child.stdin?.end(`${tip}\n`);
  const pack: Buffer[] = [];
  for await (const chunk of child.stdout ?? []) pack.push(chunk);
  return [line(`${zero} ${tip} ${ref}\0report-status`), Buffer.from('0000'), ...pack];
}

/** What changes the tree of repositories waits for all of these, one after the other. */
function busy(client: Client): Promise<unknown> {
  return Promise.all(Array.from({ length: 60 }, (_, n) => client.call('git/create', { name: `busy/${n}` })));
}

async function connected(t: TestContext, client: Client) {
  const connection = await client.dial();
  t.after(() => connection.close());
  return connection;
}

test('a push to a repository that a first push made and left empty is not lost', async (t) => {
  const node = await realNode(t, { ...pushing, createOnPush: true });
  const ada = await node.client('ada', all);
  const push = await firstPush(ada, 'refs/heads/main');
  const connection = await connected(t, ada);
  const empty = await open(connection, line('git-receive-pack /new.git\0'));
  await answer(empty, 100);
  const creating = busy(ada);
  // It brings nothing, so that what it made goes again, in its turn.
  empty.end('0000');
  const policies = join(node.directory, 'data', 'plugins', 'git', 'pushes');
  await eventually('the first push is over', async () => (await readdir(policies)).length === 0);
  const stream = await open(connection, line('git-receive-pack /new.git\0'));
  const whole = answer(stream);
  for (const part of push) stream.write(part);
  assert.match(await whole, /ok refs\/heads\/main/);
  await creating;
  await ada.call('git/create', { name: 'after-all-of-these' });
  assert.match(await node.refs('new'), /refs\/heads\/main/);
});

test('a push does not follow a repository to a name where it has no right', async (t) => {
  const node = await realNode(t, pushing);
  const ada = await node.client('ada', all);
  const bob = await node.client('bob', ['git:write:app']);
  await filled(ada, 'app');
  const push = await firstPush(bob, 'refs/heads/bob');
  const connection = await connected(t, bob);
  const creating = busy(ada);
  const renaming = ada.call('git/rename', { name: 'app', to: 'private' });
  // The runs on it have been ended by then.
  await ada.call('git/info', { name: 'app' });
  const stream = await open(connection, line('git-receive-pack /app.git\0'));
  const whole = answer(stream);
  await renaming;
  for (const part of push) stream.write(part);
  stream.end();
  await whole;
  await creating;
  assert.doesNotMatch(await node.refs('private'), /bob/);
});

test('of two who delete a repository at once, one is told that it is not there', async (t) => {
  const node = await realNode(t, pushing);
  const ada = await node.client('ada', all);
  await filled(ada, 'app');
  const remove = () => ada.call('git/delete', { name: 'app', confirm: 'app' });
  const done = await Promise.allSettled([remove(), remove()]);
  const [failed, ...more] = done.filter((each) => each.status === 'rejected');
  assert.deepEqual(more, []);
  assert.match(String(failed?.reason), /repository not found: app/);
});

test('what a killed node left of a repository that it made or removed goes after an hour', async (t) => {
  const node = await realNode(t, pushing);
  const ada = await node.client('ada', all);
  const old = [`.making-${'0'.repeat(16)}`, `.going-${'1'.repeat(16)}`];
  const young = `.making-${'2'.repeat(16)}`;
  const past = new Date(Date.now() - 2 * 3_600_000);
  for (const name of [...old, young]) await mkdir(join(node.root, name, 'objects'), { recursive: true });
  for (const name of old) await utimes(join(node.root, name), past, past);
  // It looks when it starts, every hour, and when something came into the trash.
  await ada.call('git/create', { name: 'app' });
  await ada.call('git/delete', { name: 'app', confirm: 'app' });
  await eventually('the old ones have gone', async () => {
    const names = await readdir(node.root);
    return !old.some((name) => names.includes(name));
  });
  assert.ok((await readdir(node.root)).includes(young));
});

test('a repository is not renamed or removed while it is packed anew: that is ended before', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'alknet-git-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const log = join(directory, 'log');
  const program = join(directory, 'git');
  // A gc that takes long.
  const script = `#!/bin/sh
case " $* " in *' gc '*)
  echo began "$2" >>${log}
  sleep 600
esac
exec /usr/bin/git "$@"
`;
  await writeFile(program, script, { mode: 0o755 });
  const node = await realNode(t, { ...pushing, program, maintenance: { pushes: 1 } });
  const ada = await node.client('ada', all);
  const began = async (name: string) =>
    (await readFile(log, 'utf8').catch(() => '')).includes(`began ${join(node.root, `${name}.git`)}\n`);
  await filled(ada, 'app');
  await eventually('it is being packed', () => began('app'));
  assert.equal(processesOn(node, / gc /).length, 1);
  await ada.call('git/rename', { name: 'app', to: 'other' });
  assert.deepEqual(processesOn(node, / gc /), []);
  await ada.call('git/delete', { name: 'other', confirm: 'other' });
  // The next has its turn.
  await filled(ada, 'next');
  await eventually('the next is being packed', () => began('next'));
});

/** What a command says to somebody in the wrong folder, or who is not known. `docs/spec/cli.md` 2 and 5. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { shellIn } from './cli-support.ts';
import { made, place, up } from './support.ts';

test('without a node a command says where it looked, and whether there is one to start', async (t) => {
  const empty = await place(t);
  const data = join(empty.folder, 'elsewhere');
  for (const args of [['status'], ['ops'], ['call', 'services/list']]) {
    const { code, stderr } = await empty.run([...args, '--data', data]);
    assert.equal(code, 4);
    assert.equal(
      stderr,
      `error: the node is not running\n  cause: there is none at ${data}\n  try: alknet init, or say where it is: --data DIR, --config FILE or ALKNET_CONFIG\n`,
    );
  }
  const stopped = await made(t);
  const { code, stderr } = await stopped.run(['ops']);
  assert.equal(code, 4);
  assert.equal(
    stderr,
    `error: the node is not running\n  cause: nothing serves ${stopped.data}\n  try: alknet up\n`,
  );
});

test('init says when the commands after it will be about another node', async (t) => {
  const [first, second] = [await made(t), await place(t)];
  const sh = await shellIn(second);
  const { code, stderr } = await sh('alknet init --no-passphrase --listen 127.0.0.1:0', {
    env: { ALKNET_CONFIG: first.config },
  });
  assert.equal(code, 0);
  assert.ok(
    stderr.includes(`warning: ALKNET_CONFIG names ${first.config}: without --config ${second.config}`),
  );
  const third = await place(t);
  assert.doesNotMatch((await third.run(['init', '--no-passphrase'])).stderr, /ALKNET_CONFIG/);
});

test('a refusal for want of a right to come in says what lets a key in', async (t) => {
  const first = await made(t);
  const stranger = await made(t);
  const { id, port } = await up(first);
  const refused = await stranger.run(['call', 'host/status', '--node', `127.0.0.1:${port}#${id}`]);
  assert.equal(refused.code, 5);
  assert.match(refused.stderr, /^error: authentication required\n {2}try: .*alknet peer add there/);
  const unknown = await stranger.run(['call', 'host/status', '--node', 'nobody']);
  assert.equal(unknown.code, 5);
  assert.match(unknown.stderr, /no key is known for it.*\n {2}try: .*alknet peer add NAME HOST:PORT/);
});

test('the first word of several commands alone is answered with those that go on from it', async (t) => {
  const here = await place(t);
  const { code, stderr } = await here.run(['git']);
  assert.equal(code, 2);
  assert.equal(stderr, 'error: alknet git takes one of setup, url\n  try: alknet help git\n');
  assert.match((await here.run(['token'])).stderr, /^error: alknet token takes one of new, list, revoke\n/);
  assert.match((await here.run(['git', 'sutep'])).stderr, /did you mean alknet git setup\?/);
});

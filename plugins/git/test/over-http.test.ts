/** The same repositories through the HTTP plugin of a real node, with stock git and curl. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { all, collect, filled, pushing, realNode, ways } from './support.ts';

/** The node shows its own certificate, which no public authority knows. */
const insecure = ['-c', 'http.sslVerify=false'];

async function httpNode(t: TestContext) {
  const node = await realNode(t, pushing, { http: true });
  const ada = await node.client('ada', all);
  const work = await filled(ada, 'app');
  const url = (credential: string, name: string) =>
    `https://${credential}127.0.0.1:${node.tlsPort}/git/${name}.git`;
  return { node, ada, work, url };
}

for (const version of ['HTTP/1.1', 'HTTP/2']) {
  test(`GIT-18 git clone https://node/git/repo.git works with a token as password, and as bearer, over ${version}`, async (t) => {
    const { node, ada, work, url } = await httpNode(t);
    const git = [...insecure, '-c', `http.version=${version}`];
    const basic = `any:${ada.token}@`;
    await ada.git([...git, 'clone', '--quiet', url(basic, 'app'), 'copy']);
    assert.equal(await readFile(join(ada.home, 'copy', 'file-3.txt'), 'utf8'), 'app 3\n');
    const bearer = ['-c', `http.extraHeader=Authorization: Bearer ${ada.token}`];
    await ada.git([...git, ...bearer, 'clone', '--quiet', '--depth=1', url('', 'app'), 'bearer']);
    const copy = { cwd: join(ada.home, 'copy') };
    await ada.git(['commit', '--quiet', '--allow-empty', '-m', 'more'], copy);
    await ada.git([...git, 'push', '--quiet'], copy);
    // Sent in chunks, without a length.
    await ada.git(
      [...git, '-c', 'http.postBuffer=1000', 'push', '--quiet', url(basic, 'app'), 'main:chunked'],
      {
        cwd: work,
      },
    );
    assert.match(await node.refs('app'), /chunked/);
    assert.deepEqual(await ways(ada, 3), ['call', 'alknet', 'http', 'http']);
    const refused = await ada.try([...git, 'push', '--quiet', url(basic, 'app'), 'HEAD:refs/pull/1'], {
      cwd: work,
    });
    assert.match(refused.stderr, /alknet: refs\/pull\/1: only well-formed refs/);
  });
}

test('GIT-19 HTTP without credential is 401 with a Basic challenge; with the token of an identity without the right it is 404', async (t) => {
  const { node, ada, url } = await httpNode(t);
  const eve = await node.client('eve', ['git:read:other']);
  const reader = await node.client('reader', ['git:read:app']);
  const ask = async (token: string | undefined, service: string, name = 'app') => {
    const credential = token === undefined ? [] : ['--user', `x:${token}`];
    const address = `${url('', name)}/info/refs?service=${service}`;
    const child = spawn('curl', ['--silent', '--insecure', '--include', ...credential, address]);
    return (await collect(child)).stdout;
  };
  const nobody = await ask(undefined, 'git-upload-pack');
  assert.match(nobody, /^HTTP\/[\d.]+ 401/);
  assert.match(nobody, /www-authenticate: Basic realm="alknet git"/i);
  assert.match(await ask('no-token', 'git-upload-pack'), /^HTTP\/[\d.]+ 401/);
  assert.match(await ask(eve.token, 'git-upload-pack'), /^HTTP\/[\d.]+ 404/);
  assert.match(await ask(ada.token, 'git-upload-pack', 'nope'), /^HTTP\/[\d.]+ 404/);
  assert.match(await ask(reader.token, 'git-receive-pack'), /^HTTP\/[\d.]+ 403/);
  assert.match(await ask(reader.token, 'git-upload-pack'), /^HTTP\/[\d.]+ 200/);
  assert.notEqual((await eve.try([...insecure, 'clone', url(`x:${eve.token}@`, 'app')])).code, 0);
});

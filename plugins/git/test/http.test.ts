/** The contributed route with real Requests, and stock git against it through a plain server of Node. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { HttpRouteContext, Identity } from '@alknet/sdk';
import { gitRoute } from '../src/http/smart-http.ts';
import { all, pushing, realNode } from './support.ts';

const ada: Identity = { id: 'ada', scopes: all, resources: {} };

function ask(path: string, init: RequestInit & { identity?: Identity | null } = {}): Promise<Response> {
  const { identity = ada, ...rest } = init;
  const context: HttpRouteContext = {
    identity,
    remote: null,
    requestId: 'test',
    signal: new AbortController().signal,
  };
  return Promise.resolve(gitRoute.handler(new Request(`https://node.example${path}`, rest), context)).then(
    (response) => response ?? assert.fail('declined'),
  );
}

async function started(t: TestContext, config: Readonly<Record<string, unknown>> = pushing) {
  const node = await realNode(t, config);
  const client = await node.client('ada', all);
  await client.call('git/create', { name: 'app' });
  const work = await client.work('app', 2);
  await client.git(['push', '--quiet', 'origin', 'main'], { cwd: work });
  return { node, client, work };
}

test('the route answers what gitprotocol-http says, and 404 for everything else', async (t) => {
  await started(t);
  const advertised = await ask('/git/app.git/info/refs?service=git-upload-pack');
  assert.equal(advertised.status, 200);
  assert.equal(advertised.headers.get('content-type'), 'application/x-git-upload-pack-advertisement');
  assert.equal(advertised.headers.get('cache-control'), 'no-cache');
  assert.match(await advertised.text(), /^001e# service=git-upload-pack\n0000[0-9a-f]{4}[0-9a-f]{40} HEAD\0/);
  const two = await ask('/git/app/info/refs?service=git-upload-pack', {
    headers: { 'git-protocol': 'version=2' },
  });
  assert.match(await two.text(), /^000eversion 2\n/);
  const listing = Buffer.from('0014command=ls-refs\n0001' + '001bref-prefix refs/heads/\n' + '0000');
  for (const packed of [false, true]) {
    const response = await ask('/git/app.git/git-upload-pack', {
      method: 'POST',
      headers: {
        'content-type': 'application/x-git-upload-pack-request',
        'git-protocol': 'version=2',
        ...(packed ? { 'content-encoding': 'gzip' } : {}),
      },
      body: packed ? gzipSync(listing) : listing,
    });
    assert.equal(response.headers.get('content-type'), 'application/x-git-upload-pack-result');
    assert.match(await response.text(), /^[0-9a-f]{4}[0-9a-f]{40} refs\/heads\/main\n0000$/);
  }
  for (const path of [
    '/git/app.git/info/refs',
    '/git/app.git/info/refs?service=git-upload-archive',
    '/git/app.git/info/refs?service=git-shell',
    '/git/app.git/HEAD',
    '/git/app.git/objects/info/packs',
    '/git/../etc/passwd/info/refs?service=git-upload-pack',
    '/git/%2e%2e/x/info/refs?service=git-upload-pack',
    '/git/app.git/git-upload-pack',
    '/git/nope/info/refs?service=git-upload-pack',
    '/git/nope/info/refs?service=git-receive-pack',
    '/git/',
  ])
    assert.equal((await ask(path)).status, 404, path);
  const wrongType = await ask('/git/app.git/git-upload-pack', { method: 'POST', body: listing });
  assert.equal(wrongType.status, 415);
});

test('without a credential it is 401 with a challenge; rights decide between 404, 403 and 200', async (t) => {
  const { node } = await started(t);
  const nobody = await ask('/git/app.git/info/refs?service=git-upload-pack', { identity: null });
  assert.equal(nobody.status, 401);
  assert.equal(nobody.headers.get('www-authenticate'), 'Basic realm="alknet git"');
  const missing = await ask('/git/nope.git/info/refs?service=git-upload-pack', { identity: null });
  assert.equal(missing.status, 401, 'nothing tells what is there');
  const stranger = { ...ada, id: 'eve', scopes: [] };
  const reader = { ...ada, id: 'bob', scopes: ['git:read:app'] };
  const status = async (identity: Identity, service: string) =>
    (await ask(`/git/app.git/info/refs?service=${service}`, { identity })).status;
  assert.equal(await status(stranger, 'git-upload-pack'), 404);
  assert.equal(await status(stranger, 'git-receive-pack'), 404);
  assert.equal(await status(reader, 'git-upload-pack'), 200);
  assert.equal(await status(reader, 'git-receive-pack'), 403);
  await node.configure({});
  assert.equal(await status(ada, 'git-receive-pack'), 403);
});

test('a body that is no gzip, and a client that leaves, end the run', async (t) => {
  const { node } = await started(t, { push: { enabled: true, idleTimeout: '500ms' }, idleTimeout: '1s' });
  const bad = await ask('/git/app.git/git-upload-pack', {
    method: 'POST',
    headers: { 'content-type': 'application/x-git-upload-pack-request', 'content-encoding': 'gzip' },
    body: Buffer.from('this is not gzip'),
  });
  await bad.text().catch(() => '');
  const left = await ask('/git/app.git/info/refs?service=git-upload-pack');
  await left.body?.cancel();
  // Places are free again: eight at once are all that one identity has.
  const answers = await Promise.all(
    Array.from({ length: 12 }, async () =>
      (await ask('/git/app.git/info/refs?service=git-upload-pack')).text(),
    ),
  );
  for (const text of answers) assert.match(text, /refs\/heads\/main/);
  assert.deepEqual(await node.leftovers('app'), []);
});

test('stock git clones, fetches and pushes through the route', async (t) => {
  const { node, client, work } = await started(t);
  const server = createServer((incoming, outgoing) => {
    const gone = new AbortController();
    outgoing.once('close', () => gone.abort());
    const headers = new Headers(
      Object.entries(incoming.headers).map(([name, value]): [string, string] => [name, String(value)]),
    );
    const post = incoming.method === 'POST';
    const request = new Request(`http://localhost${incoming.url}`, {
      method: incoming.method ?? 'GET',
      headers,
      ...(post ? { body: ReadableStream.from(incoming), duplex: 'half' } : {}),
    });
    const writer = { ...ada, scopes: ['git:write:**'] };
    const identity = headers.has('authorization') ? writer : null;
    void (async () => {
      const response = await gitRoute.handler(request, {
        identity,
        remote: null,
        requestId: 'x',
        signal: gone.signal,
      });
      assert.ok(response);
      outgoing.writeHead(response.status, Object.fromEntries(response.headers));
      if (response.body === null) outgoing.end();
      else await pipeline(Readable.from(response.body), outgoing);
    })().catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const url = (credential: string, name: string) => `http://${credential}127.0.0.1:${port}/git/${name}`;
  await client.git(['clone', '--quiet', url('x:token@', 'app.git'), 'copy']);
  const copy = { cwd: join(client.home, 'copy') };
  assert.equal(await readFile(join(copy.cwd, 'file-2.txt'), 'utf8'), 'app 2\n');
  const before = await node.refs('app');
  assert.notEqual((await client.try(['clone', '--quiet', url('', 'app'), 'no'])).code, 0);
  await client.git(['commit', '--quiet', '--allow-empty', '-m', 'more'], copy);
  await client.git(['push', '--quiet'], copy);
  assert.notEqual(await node.refs('app'), before);
  const refused = await client.try(['push', '--force', 'origin', 'HEAD~1:main'], copy);
  assert.match(refused.stderr, /alknet: refs\/heads\/main: not a fast-forward/);
  for (const version of ['0', '2']) {
    await client.git([
      '-c',
      `protocol.version=${version}`,
      'clone',
      '--quiet',
      '--depth=1',
      url('x:token@', 'app'),
      `v${version}`,
    ]);
  }
  await client.git(['clone', '--quiet', '--filter=blob:none', url('x:token@', 'app'), 'partial']);
  // More than one chunk, so that it is sent without a length.
  await client.git(['-c', 'http.postBuffer=1000', 'push', '--quiet', url('x:token@', 'app'), 'main:large'], {
    cwd: work,
  });
});

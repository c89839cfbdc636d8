import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setSecret, unlockVault } from '../../../../host/src/vault/index.ts';
import { httpNode } from '../node.ts';
import { document, ok, remote } from './harness.ts';

const source = document({ '/a': { get: { operationId: 'a', ...ok } } });

test('HTTP-94 auth.secret of an entry is request and grant at once: its value is in the request, follows the file, and in no answer or log', async (t) => {
  const { url, requests } = await remote(t, (request, response) => {
    response.writeHead(400, { 'content-type': 'text/plain' }).end(`no: ${request.headers.authorization}`);
  });
  const node = await httpNode();
  t.after(() => node.stop());
  const dataDir = join(node.directory, 'data');
  const vault = await unlockVault({ dataDir, warn: () => {} });
  t.after(() => vault.lock());
  const set = async (value: string) => {
    await setSecret(dataDir, vault, 'far.token', value, () => {});
    await node.node.reload();
  };
  await set('sesame-one-1234');
  const adapter = { kind: 'openapi', namespace: 'far', visibility: 'external', source, baseUrl: url };
  await node.configure({ adapters: [{ ...adapter, auth: { kind: 'bearer', secret: 'far.token' } }] });
  const ask = async () => {
    for (;;) {
      const answer = await node.ask('/far/a');
      if (answer.headers['server'] !== 'nginx') return answer;
    }
  };
  assert.equal((await ask()).status, 400);
  assert.equal(requests.at(-1)?.headers['authorization'], 'Bearer sesame-one-1234');
  await set('sesame-two-1234');
  const { text } = await ask();
  assert.equal(requests.at(-1)?.headers['authorization'], 'Bearer sesame-two-1234');
  assert.equal(text.includes('sesame'), false);
  assert.match(text, /no: Bearer \[REDACTED\]/);
  const admin = await node.grant('ada', ['admin', 'host:admin', 'host:read']);
  const seen = await Promise.all(
    [
      '/http/adapters/list',
      '/host/operations?prefix=far',
      '/host/status',
      '/openapi.json',
      '/schema?name=far/a',
    ].map(async (path) => (await node.ask(path, { token: admin })).text),
  );
  assert.match(seen.join(''), /far\.token/);
  for (const value of ['sesame-one', 'sesame-two'])
    assert.equal(`${seen.join('')}${JSON.stringify(node.log())}`.includes(value), false);
});

test('HTTP-94 an entry that names a secret which is not stored keeps the old configuration and names the secret', async (t) => {
  const { url } = await remote(t);
  const node = await httpNode();
  t.after(() => node.stop());
  const adapter = { kind: 'openapi', namespace: 'far', visibility: 'external', source, baseUrl: url };
  await node.configure({ adapters: [{ ...adapter, auth: { kind: 'bearer', secret: 'not.stored' } }] });
  assert.match(JSON.stringify(node.log()), /not\.stored/);
  assert.equal((await node.ask('/healthz')).status, 200);
  assert.equal((await node.ask('/far/a')).status, 404);
});

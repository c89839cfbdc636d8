import assert from 'node:assert/strict';
import { test } from 'node:test';
import { labNode } from './node.ts';

test('HTTP-60 an upgrade at /alknet/call without a token that resolves is 401', async (t) => {
  const node = await labNode(t);
  const unknown = `alk_${'x'.repeat(43)}`;
  for (const options of [
    {},
    { headers: { authorization: `Bearer ${unknown}` } },
    { protocols: ['alknet.call', `alknet.bearer.${unknown}`] },
  ]) {
    const { status, headers, body } = await node.refused(options);
    assert.equal(status, 401);
    assert.equal(headers['www-authenticate'], 'Bearer');
    assert.equal(JSON.parse(body).code, 'FORBIDDEN');
  }
  assert.ok(!node.log().includes(unknown));
});

test('HTTP-62 a header token works without subprotocol; protocols without alknet.call are 400', async (t) => {
  const node = await labNode(t);
  const token = await node.grant('ada');
  const socket = await node.raw(token);
  assert.equal(socket.socket.protocol, '');
  const [answer] = await socket.of(socket.request('lab/who'));
  assert.deepEqual(answer?.payload, { output: 'ada' });

  const headers = { authorization: `Bearer ${token}` };
  const { status, body } = await node.refused({ headers, protocols: ['chat', 'superchat'] });
  assert.equal(status, 400);
  assert.match(JSON.parse(body).message, /alknet\.call/);

  const chosen = await node.raw(token, { protocols: ['chat', 'alknet.call', `alknet.bearer.${token}`] });
  assert.equal(chosen.socket.protocol, 'alknet.call');
});

test('HTTP-63 a foreign origin is 403; an allowed one and the own one pass; no origin passes', async (t) => {
  const node = await labNode(t, { allowedOrigins: ['https://app.example'] });
  const token = await node.grant('ada');
  const headers = { authorization: `Bearer ${token}` };
  for (const origin of ['https://evil.example', 'http://app.example', 'null', `https://127.0.0.1:1`]) {
    assert.equal((await node.refused({ headers: { ...headers, origin } })).status, 403, origin);
  }
  for (const origin of ['https://app.example', node.origin]) {
    const socket = await node.raw(token, { headers: { origin } });
    assert.equal((await socket.of(socket.request('lab/echo', 1))).length, 1);
  }
});

test('an old version of WebSocket is 426 with the version that is spoken', async (t) => {
  const node = await labNode(t);
  const token = await node.grant('ada');
  const { status, headers } = await node.refused({
    headers: { authorization: `Bearer ${token}` },
    protocolVersion: 8,
  });
  assert.equal(status, 426);
  assert.equal(headers['sec-websocket-version'], '13');
  assert.equal(headers['upgrade'], 'websocket');
  assert.equal(headers['connection'], 'close, Upgrade');
});

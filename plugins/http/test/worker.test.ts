/** The plugin in a thread of its own: `isolation: "worker"`. `docs/spec/config.md` 6.6. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type HttpNode, httpNode, versions } from './node.ts';

let node: HttpNode;
before(async () => {
  node = await httpNode({
    entries: { http: { isolation: 'worker', config: { limits: { answerTimeout: '1s' } } } },
  });
});
after(() => node.stop());

for (const version of versions) {
  test(`CFG-30 in a worker every surface answers with the rights of the caller (${version})`, async () => {
    const token = await node.grant('ada', ['lab:admin']);
    const ask = (path: string, options = {}) => node.ask(path, options, version);
    assert.equal((await ask('/healthz')).text, 'ok');
    assert.deepEqual((await ask('/lab/who')).json(), { id: null });
    assert.deepEqual((await ask('/lab/who', { token })).json(), { id: 'ada' });
    const admin = { json: { operation: 'lab/admin', input: { n: 1 } } };
    assert.equal((await ask('/call', admin)).status, 401);
    assert.equal((await ask('/call', { ...admin, token: await node.grant('bob') })).status, 403);
    assert.equal((await ask('/call', { ...admin, token })).status, 200);
    const names = (text: string) => text.includes('"lab/admin"');
    assert.equal(names((await ask('/search')).text), false);
    assert.equal(names((await ask('/search', { token })).text), true);
    const events = await ask('/lab/count?n=3', { headers: { accept: 'text/event-stream' } });
    assert.equal(events.text, 'data: 0\n\ndata: 1\n\ndata: 2\n\n');
    const large = await ask('/lab/big?n=3000000');
    assert.equal(large.text.length, 3_000_002);
    assert.equal((await ask('/nope')).headers['server'], 'nginx');

    await node.revoke('ada');
    assert.equal((await ask('/call', { ...admin, token })).status, 401);
  });
}

test('a client that goes aborts what it called, across the threads', async () => {
  const socket = await node.socket();
  socket.write('GET /lab/wait HTTP/1.1\r\nHost: x\r\n\r\n');
  const state = async () => (await node.ask('/lab/state')).json() as { ran: number; aborted: number };
  const until = async (what: (now: { ran: number; aborted: number }) => boolean) => {
    while (!what(await state()));
  };
  await until(({ ran }) => ran === 1);
  socket.destroy();
  await until(({ aborted }) => aborted === 1);
});

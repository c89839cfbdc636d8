/** A third party's protocol whose requests bring a credential each, in a worker. `docs/spec/registry.md` 7. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import type { Connection, Gateway, HostOperations, Identity } from '@alknet/sdk';
import { connectionPair } from '@alknet/sdk/testing';
import { SharedConnections } from '../../../src/plugins/worker/node/connections.ts';
import { serveGateways } from '../../../src/plugins/worker/node/gateways.ts';
import { type LabNode, labNode } from '../../peers/support.ts';

/** One line of JSON a stream: a token, the operation to call, and how to cheat; the answer is one line, too. */
const front = `
import { once } from 'node:events';
import { definePlugin } from '@alknet/sdk';
const cheats = {
  none: (identity) => identity,
  copy: (identity) => ({ ...identity }),
  child: (identity) => Object.create(identity, { scopes: { value: ['tool:admin'] } }),
  own: () => ({ id: 'ada', scopes: ['tool:admin'], resources: {} }),
};
let host;
const held = new WeakMap();
async function answer(line, connection) {
  const { token, op, cheat = 'none', again = false } = JSON.parse(line);
  const identity = token === undefined ? null : host.identity.resolveToken(token, connection.remote) ?? null;
  if (identity !== null) try { identity.scopes.push('tool:admin'); } catch {}
  const auth = { ...connection.auth, fingerprint: null, identity: cheats[cheat](identity) };
  const gateway = again ? held.get(connection) : host.operations.gateway(auth, connection);
  held.set(connection, gateway);
  return { output: await gateway.call(op, {}), names: gateway.list().map(({ name }) => name) };
}
async function serve(stream, connection) {
  stream.setEncoding('utf8');
  for await (const line of stream) {
    const told = await answer(line, connection).catch(({ code, message }) => ({ code, message }));
    stream.write(JSON.stringify(told) + '\\n');
  }
  stream.end();
}
export default definePlugin({
  name: 'front', version: '1.0.0', alpns: ['front/1'], requests: { gateway: true },
  start: (given) => {
    host = given;
    return { connection: async (connection) => { for await (const stream of connection) await serve(stream, connection); } };
  },
});
`;

const tool = `
import { defineOperation, definePlugin, Type } from '@alknet/sdk';
const any = { input: Type.Any(), output: Type.Any(), type: 'query' };
export default definePlugin({ name: 'tool', version: '1.0.0', operations: [
  defineOperation({ ...any, name: 'tool/who', access: 'public', handler: (_input, { identity }) => identity?.id ?? null }),
  defineOperation({ ...any, name: 'tool/admin', access: { scopes: ['tool:admin'] }, handler: () => 'admin' }),
] });
`;

interface Told {
  readonly output?: unknown;
  readonly names?: string[];
  readonly code?: string;
}

interface Front {
  readonly node: LabNode;
  readonly ada: LabNode;
  readonly tokens: { readonly ada: string; readonly bob: string };
  /** A new connection, on which one request follows another. */
  connect(): Promise<(request: object) => Promise<Told>>;
}

async function frontNode(t: TestContext): Promise<Front> {
  const [node, ada, bob] = await Promise.all(['node', 'ada', 'bob'].map((name) => labNode(t, name)));
  assert.ok(node && ada && bob);
  await node.admit(ada, ['tool:admin']);
  await node.admit(bob);
  const entry = (name: string, isolation: string) => ({
    use: `./${name}.ts`,
    isolation,
    grant: { gateway: true },
  });
  await writeFile(join(node.folder, 'front.ts'), front);
  await writeFile(join(node.folder, 'tool.ts'), tool);
  const plugins = { call: true, front: entry('front', 'worker'), tool: entry('tool', 'inline') };
  await node.start({ more: { plugins } });
  await node.running.pluginsSettled();
  assert.deepEqual(
    node.running.plugins().filter(({ state }) => state !== 'running'),
    [],
  );
  const tokens = { ada: await node.token('ada'), bob: await node.token('bob') };
  const connect = async () => {
    const [host, port] = node.address.split(':');
    const socket = connectTls({
      host: host ?? '',
      port: Number(port),
      rejectUnauthorized: false,
      ALPNProtocols: ['front/1'],
    });
    t.after(() => socket.destroy());
    await once(socket, 'secureConnect');
    return async (request: object): Promise<Told> => {
      socket.write(JSON.stringify(request));
      const [line] = (await once(socket, 'data')) as [Buffer];
      return JSON.parse(line.toString()) as Told;
    };
  };
  return { node, ada, tokens, connect };
}

test('CFG-30 a worker runs operations with the rights of an identity that it resolved from a token', async (t) => {
  const { node, ada, tokens, connect } = await frontNode(t);
  const ask = await connect();
  assert.equal((await ask({ op: 'tool/who' })).output, null);
  assert.equal((await ask({ op: 'tool/admin' })).code, 'FORBIDDEN');
  const byAda = await ask({ token: tokens.ada, op: 'tool/admin' });
  assert.equal(byAda.output, 'admin');
  assert.ok(byAda.names?.includes('tool/admin'));
  const byBob = await ask({ token: tokens.bob, op: 'tool/who' });
  assert.equal(byBob.output, 'bob');
  assert.ok(!byBob.names?.includes('tool/admin'));
  assert.equal((await ask({ token: tokens.bob, op: 'tool/admin' })).code, 'FORBIDDEN');

  // One that is kept obeys what its peer may do now.
  assert.equal((await ask({ token: tokens.ada, op: 'tool/who' })).output, 'ada');
  await node.admit(ada);
  assert.equal((await ask({ again: true, op: 'tool/admin' })).code, 'FORBIDDEN');
});

test('CFG-30 a worker cannot make up an identity for its gateway', async (t) => {
  const { tokens, connect } = await frontNode(t);
  const ask = await connect();
  for (const cheat of ['copy', 'child', 'own'])
    assert.equal((await ask({ token: tokens.bob, op: 'tool/who', cheat })).code, 'FORBIDDEN', cheat);
  assert.equal((await ask({ token: tokens.bob, op: 'tool/who' })).output, 'bob');
});

test('the node takes a number that it gave out for an identity, and nothing else, whatever the thread sends', () => {
  const { server } = connectionPair('front/1');
  const served: (Identity | null)[] = [];
  const operations = {
    gateway: ({ identity }: { identity: Identity | null }, connection: Connection) => {
      assert.equal(connection, server);
      served.push(identity);
      return {} as Gateway;
    },
  };
  const link = { tell: () => {} };
  const connections = Reflect.construct(SharedConnections, [link]) as SharedConnections;
  const { number } = connections.share(server);
  const bob: Identity = { id: 'bob', scopes: [], resources: {} };
  const { ref } = connections.identities.give(bob);
  const { gateway } = Reflect.apply(serveGateways, undefined, [
    { link, connections, operations: operations as unknown as HostOperations, proxies: {} },
  ]) as ReturnType<typeof serveGateways>;
  const scope = { signal: new AbortController().signal };
  const ask = (of: unknown) => Reflect.apply(gateway, undefined, [scope, of]);

  ask({ connection: number, identity: ref });
  ask({ connection: number, identity: null });
  assert.deepEqual(served, [bob, null]);
  assert.equal(served[0], bob);
  const root = { id: 'root', scopes: ['*'], resources: {} };
  for (const of of [
    { connection: number, identity: ref + 1 },
    { connection: number, identity: root },
    { connection: number, identity: { own: root } },
    { connection: number + 1, identity: ref },
    { connection: number },
    { auth: 2 },
    { auth: { identity: root } },
  ])
    assert.throws(() => ask(of), /was not given out|is over/, JSON.stringify(of));
  // Once the thread has lost it, its number is nobody's.
  connections.released('identity', ref, 1);
  assert.throws(() => ask({ connection: number, identity: ref }), /was not given out/);
  assert.equal(served.length, 2);
});

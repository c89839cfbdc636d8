/** Three real nodes in a row; each in turn is killed, suspended, restarted with other operations, or given a wrong clock. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { CallError } from '@alknet/sdk';
import type { Session } from '@alknet/sdk/call';
import { connect } from '../../src/client.ts';
import { type Daemon, eventually, made, type Place, up } from './support.ts';

const tool = `
import { defineOperation, definePlugin, Type } from '@alknet/sdk';
const any = { access: 'public', input: Type.Any(), output: Type.Any() };
export default definePlugin({
  name: 'tool', version: '1.0.0',
  operations: [
    defineOperation({ ...any, name: 'tool/echo', type: 'query', handler: (input) => input }),
    defineOperation({ ...any, name: 'tool/wait', type: 'query',
      handler: (_input, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))) }),
    defineOperation({ ...any, name: 'tool/count', type: 'subscription', async *handler(_input, { signal }) {
      for (let n = 1; !signal.aborted; n++) { yield n; await new Promise((resolve) => setTimeout(resolve, 5)); }
    } }),
  ],
});
`;

/** Each SIGUSR2 steps the wall clock of the process: an hour on, then three back. */
const clock = `
const Real = Date;
let step = 0;
let signals = 0;
globalThis.Date = class extends Real {
  constructor(...given) { if (given.length === 0) super(Real.now() + step); else super(...given); }
  static now() { return Real.now() + step; }
};
process.on('SIGUSR2', () => { step += [1, -3][signals++ % 2] * 3_600_000; });
`;

interface Link {
  readonly place: Place;
  readonly name: string;
  readonly id: string;
  daemon: Daemon;
  port: number;
  settings: object;
}

async function start(link: Omit<Link, 'daemon' | 'port' | 'id'>, port = 0): Promise<Link> {
  const { place, settings } = link;
  const listen = { quic: `127.0.0.1:${port}`, tls: `127.0.0.1:${port}` };
  const config = { dataDir: './data', listen, limits: { drain: '200ms' }, ...settings };
  await place.write('alknet.config.json', JSON.stringify(config));
  await place.write('clock.mjs', clock);
  const daemon = await up(place, [], { NODE_OPTIONS: `--import=${join(place.folder, 'clock.mjs')}` });
  return { ...link, daemon, id: daemon.id, port: daemon.port };
}

/** Ends a node with SIGKILL and starts it on the same port, perhaps with other settings. */
async function restart(link: Link, settings = link.settings): Promise<void> {
  link.settings = settings;
  link.daemon = (await start(link, link.port)).daemon;
}

async function kill(link: Link): Promise<void> {
  const ended = once(link.daemon.child, 'exit');
  link.daemon.child.kill('SIGKILL');
  await ended;
}

interface Chain {
  readonly front: Link;
  readonly middle: Link;
  readonly end: Link;
  readonly session: Session;
}

/** end offers tool/*; middle exports it as mid/*, front as front/*. */
async function chain(t: TestContext): Promise<Chain> {
  const [a, b, c] = await Promise.all([made(t), made(t), made(t)]);
  const keyOf = async (place: Place) =>
    (JSON.parse(await place.ok(['vault', 'show', '--json'])) as { keys: { fingerprint: string }[] }).keys[0]
      ?.fingerprint ?? '';
  const [idA, idB] = await Promise.all([keyOf(a), keyOf(b)]);
  await c.ok(['peer', 'add', 'middle', '--fingerprint', idB]);
  await b.ok(['peer', 'add', 'front', '--fingerprint', idA]);
  await c.write('tool.ts', tool);
  const end = await start({
    place: c,
    name: 'end',
    settings: { plugins: { call: true, tool: { use: './tool.ts', isolation: 'inline' } } },
  });
  // TLS over TCP, so that a killed process is noticed at once; over QUIC that takes the idle time-out.
  const to = (link: Link) => ({
    addresses: [`127.0.0.1:${link.port}`],
    fingerprints: [link.id],
    transport: 'tls',
    import: true,
  });
  const middle = await start({
    place: b,
    name: 'middle',
    settings: {
      plugins: { call: true },
      peers: { end: to(end) },
      export: [{ operations: 'end/*', as: 'mid/', access: 'authenticated' }],
    },
  });
  const front = await start({
    place: a,
    name: 'front',
    settings: {
      plugins: { call: true },
      peers: { middle: to(middle) },
      export: [{ operations: 'middle/mid/*', as: 'front/', access: 'public' }],
    },
  });
  const session = await connect(`127.0.0.1:${front.port}#${front.id}`, {
    identity: join(a.data, 'operator.key'),
  });
  t.after(() => session.close());
  await whole(session);
  return { front, middle, end, session };
}

const echo = (session: Session, input: unknown) =>
  session.call('front/tool/echo', input, { timeoutMs: 1000 });

/** Until a call goes all the way again. */
async function whole(session: Session, name = 'front/tool/echo'): Promise<void> {
  await eventually(
    `${name} goes through`,
    async () => {
      const answer = await session.call(name, 'x', { timeoutMs: 1000 }).catch(() => undefined);
      return answer === 'x';
    },
    15_000,
  );
}

/** A call and a subscription that are under way now, and how each ends. */
async function underWay(session: Session) {
  const failed = (error: CallError) => error.code;
  const values = session.subscribe('front/tool/count', {});
  assert.equal((await values.next()).value, 1);
  const call = session.call('front/tool/wait', {}, { timeoutMs: 4000 }).then(() => 'answered', failed);
  const subscription = (async () => {
    for await (const _ of values);
    return 'completed';
  })().catch(failed);
  return async () => {
    const begun = performance.now();
    const ends = await Promise.all([call, subscription]);
    assert.ok(performance.now() - begun < 5000, 'within the deadline');
    return ends;
  };
}

test('a chain of nodes: calls through a killed node fail at once, and go through when it is back with other operations', async (t) => {
  const { middle, end, session } = await chain(t);
  for (const link of [end, middle]) {
    const ends = await underWay(session);
    await kill(link);
    for (const outcome of await ends()) assert.equal(outcome, 'INTERNAL', `${link.name} was killed`);
    await eventually('the import is gone', async () => {
      const code = await echo(session, 1).then(
        () => 'ok',
        (error: CallError) => error.code,
      );
      return code === 'NOT_FOUND';
    });
    await restart(link);
    await whole(session);
  }
  await kill(end);
  await end.place.write('tool.ts', tool.replace("'tool/echo'", "'tool/again'"));
  await restart(end);
  await whole(session, 'front/tool/again');
  await assert.rejects(echo(session, 1), { code: 'NOT_FOUND' });
});

test('a chain of nodes: calls through a suspended node end at their deadline, and go through when it goes on', async (t) => {
  const { middle, end, session } = await chain(t);
  for (const { daemon, name } of [middle, end]) {
    daemon.child.kill('SIGSTOP');
    const begun = performance.now();
    await assert.rejects(session.call('front/tool/echo', 1, { timeoutMs: 300 }), { code: 'TIMEOUT' });
    assert.ok(performance.now() - begun < 10_000, `${name} is suspended`);
    daemon.child.kill('SIGCONT');
    await whole(session);
  }
});

test('a chain of nodes: a stepped clock ends no call, no subscription and no link, and moves no deadline', async (t) => {
  const { front, middle, end, session } = await chain(t);
  const values = session.subscribe('front/tool/count', {});
  let seen = (await values.next()).value as number;
  for (const { daemon } of [front, middle, end, front, middle, end]) {
    daemon.child.kill('SIGUSR2');
    for (let more = 0; more < 5; more++) assert.equal((await values.next()).value, ++seen);
    assert.equal(await echo(session, 'x'), 'x');
    const begun = performance.now();
    await assert.rejects(session.call('front/tool/wait', {}, { timeoutMs: 200 }), { code: 'TIMEOUT' });
    const took = performance.now() - begun;
    assert.ok(took >= 199 && took < 10_000, `${took} ms`);
  }
  await values.return?.();
});

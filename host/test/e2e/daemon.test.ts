import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { CallError } from '@alknet/sdk';
import { connect } from '../../src/client.ts';
import { eventually, made, type Place, place, up } from './support.ts';

const clock = `
import { defineOperation, definePlugin, Type } from '@alknet/sdk';
const access = { scopes: ['clock:read'] };
const output = Type.Object({ tick: Type.Integer() });
export default definePlugin({
  name: 'clock', version: '1.0.0',
  operations: [
    defineOperation({ name: 'clock/now', type: 'query', access, input: Type.Object({}), output: Type.Object({ time: Type.String() }), handler: () => ({ time: new Date().toISOString() }) }),
    defineOperation({ name: 'clock/ticks', type: 'subscription', access, input: Type.Object({}), output, async *handler(_input, { signal, log }) {
      try {
        for (let tick = 1; !signal.aborted; tick++) { yield { tick }; await new Promise((resolve) => setTimeout(resolve, 5)); }
      } finally { log.warn('ticks left'); }
    } }),
  ],
});
`;

function config(plugins: Record<string, unknown>, more: Record<string, unknown> = {}): string {
  const listen = { quic: '127.0.0.1:0', tls: '127.0.0.1:0' };
  return JSON.stringify({ dataDir: './data', listen, plugins: { call: true, ...plugins }, ...more });
}

async function withClock(here: Place): Promise<void> {
  await here.write('clock.ts', clock);
  await here.write('alknet.config.json', config({ clock: { use: './clock.ts', isolation: 'inline' } }));
}

test('CLI-02 CFG-05 init then up gives a working node on loopback alone, and status shows it', async (t) => {
  const here = await made(t);
  const node = await up(here);
  const status = JSON.parse(await here.ok(['status', '--json'])) as {
    running: boolean;
    id: string;
    listeners: { address: string }[];
  };
  assert.equal(status.running, true);
  assert.equal(status.id, node.id);
  for (const { address } of status.listeners) assert.match(address, /^127\.0\.0\.1:/);
  assert.equal(await node.stop(), 0);
});

test('status tells how the link to each configured peer stands', async (t) => {
  const [first, second] = [await made(t), await made(t)];
  const { id, port } = await up(first);
  await second.ok(['peer', 'add', 'first', `127.0.0.1:${port}`, '--fingerprint', id]);
  await second.write(
    'alknet.config.json',
    JSON.stringify({
      dataDir: './data',
      listen: { quic: '127.0.0.1:0', tls: '127.0.0.1:0' },
      plugins: { call: true },
      peers: { first: { peer: 'first', connect: true, import: true } },
    }),
  );
  await up(second);
  await eventually('it is online', async () => {
    const { peers } = JSON.parse(await second.ok(['status', '--json'])) as {
      peers: readonly { alias: string; state: string }[];
    };
    return peers.length === 1 && peers[0]?.alias === 'first' && peers[0].state === 'online';
  });
  assert.match(await second.ok(['status']), /^PEER +STATE +OPERATIONS +ERROR\nfirst +online +\d+/m);
  assert.doesNotMatch(await first.ok(['status']), /^PEER/m);
});

test('IDN-13 IDN-19 END-48 a second person calls, subscribes, aborts, is disabled and cut off', async (t) => {
  const here = await made(t);
  await withClock(here);
  const node = await up(here);
  const bob = await made(t);
  const { stdout } = await bob.run(['peer', 'show', 'operator', '--json']);
  const [fingerprint = ''] = (JSON.parse(stdout) as { fingerprints: string[] }).fingerprints;
  await here.ok(['peer', 'add', 'bob', '--fingerprint', fingerprint, '--scope', 'clock:read']);

  const session = await connect(`127.0.0.1:${node.port}#${node.id}`, {
    identity: join(bob.data, 'operator.key'),
  });
  const { time } = (await session.call('clock/now', {})) as { time: string };
  assert.ok(!Number.isNaN(Date.parse(time)));
  const seen: number[] = [];
  for await (const value of session.subscribe('clock/ticks', {}))
    if (seen.push((value as { tick: number }).tick) === 3) break;
  assert.deepEqual(seen, [1, 2, 3]);
  await eventually('the handler learns of it', () => node.output().includes('ticks left'));

  await here.ok(['peer', 'disable', 'bob']);
  const begun = performance.now();
  const info = await session.closed;
  assert.equal(info.reason, 'identity revoked');
  assert.ok(performance.now() - begun < 1000);
  const again = await connect(`127.0.0.1:${node.port}#${node.id}`, {
    identity: join(bob.data, 'operator.key'),
  });
  await assert.rejects(
    again.call('clock/now'),
    (error: CallError) => error.code === 'FORBIDDEN' && error.message === 'authentication required',
  );
  again.close();
});

test('IDN-20 CALL-61 removing a scope is felt by the next request on a live connection', async (t) => {
  const here = await made(t);
  await withClock(here);
  const node = await up(here);
  await here.ok(['peer', 'set', 'operator', '--scope', 'clock:read']);
  const session = await connect(`127.0.0.1:${node.port}#${node.id}`, {
    identity: join(here.data, 'operator.key'),
  });
  t.after(() => session.close());
  await session.call('clock/now', {});
  await here.ok(['peer', 'set', 'operator', '--remove-scope', 'clock:read']);
  await assert.rejects(
    session.call('clock/now', {}),
    (error: CallError) => error.message === 'missing required scope: clock:read',
  );
});

test('IDN-22 CLI-08 CLI-19 a token stands in one line of output alone, and a revoked one is refused at once', async (t) => {
  const here = await made(t);
  const node = await up(here, ['--log-level', 'trace']);
  const token = (await here.ok(['token', 'new', 'ci', '--scope', 'host:read'])).trim();
  assert.match(token, /^alk_[A-Za-z0-9_-]{43}$/);
  await here.write('token', token);
  await here.ok(['call', 'host/status', '--token-file', 'token']);
  await here.ok(['token', 'revoke', 'ci']);
  // The operator's own key, which could see it, is not shown beside a token.
  assert.equal((await here.run(['call', 'host/status', '--token-file', 'token'])).code, 5);
  const session = await connect(`127.0.0.1:${node.port}#${node.id}`, {});
  t.after(() => session.close());
  await assert.rejects(
    session.call('host/status', {}, { authToken: token }),
    (error: CallError) => error.code === 'FORBIDDEN',
  );
  const everywhere = [
    await here.read('data/peers.json'),
    await here.ok(['peer', 'show', 'ci']),
    await here.ok(['token', 'list']),
    node.output(),
  ];
  for (const text of everywhere) assert.ok(!text.includes(token.slice(4)));
});

test('CFG-41 CFG-01 an entry in the configuration gives nobody a right, and a plugin switched on is there within a second', async (t) => {
  const here = await made(t);
  const bob = await made(t);
  const { fingerprints } = JSON.parse(await bob.ok(['peer', 'show', 'operator', '--json'])) as {
    fingerprints: string[];
  };
  await here.write('clock.ts', clock);
  const peers = { bob: { addresses: ['127.0.0.1:9'], fingerprints } };
  await here.write('alknet.config.json', config({}, { peers }));
  const node = await up(here);
  const session = await connect(`127.0.0.1:${node.port}#${node.id}`, {
    identity: join(bob.data, 'operator.key'),
  });
  t.after(() => session.close());
  await assert.rejects(
    session.call('host/status', {}),
    (error: CallError) => error.message === 'authentication required',
  );
  await assert.rejects(session.call('clock/now', {}), (error: CallError) => error.code === 'NOT_FOUND');
  await here.write(
    'alknet.config.json',
    config({ clock: { use: './clock.ts', isolation: 'inline' } }, { peers }),
  );
  await eventually(
    'clock/now exists',
    () =>
      session.call('clock/now', {}).then(
        () => false,
        (error: CallError) => error.code === 'FORBIDDEN',
      ),
    2_000,
  );
});

test('END-50 CLI-06 a port in use ends the start with exit code 1, names address and key, and leaves nothing bound', async (t) => {
  const here = await made(t);
  const taken = createServer().listen(0, '127.0.0.1');
  t.after(() => taken.close());
  await once(taken, 'listening');
  const { port } = taken.address() as { port: number };
  await here.write(
    'alknet.config.json',
    JSON.stringify({ dataDir: './data', listen: { quic: '127.0.0.1:0', tls: `127.0.0.1:${port}` } }),
  );
  const { code, stderr } = await here.run(['up']);
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`127\\.0\\.0\\.1:${port}`));
  assert.match(stderr, /listen\.tls/);
});

test('CLI-06 CFG-03 an invalid configuration ends the start with exit code 3, with place, expected and found', async (t) => {
  const here = await made(t);
  await here.write('alknet.config.json', '{\n  "dataDir": "./data",\n  "limits": { "drain": "soon" }\n}\n');
  const { code, stderr } = await here.run(['up']);
  assert.equal(code, 3);
  assert.match(stderr, /alknet\.config\.json:3:\d+ +limits\.drain: expected a duration.*found "soon"/);
});

test('END-51 CLI-11 a second SIGTERM ends the process at once, with 143', async (t) => {
  const here = await made(t);
  await here.write(
    'stuck.ts',
    `import { definePlugin } from '@alknet/sdk';
     export default definePlugin({ name: 'stuck', version: '1.0.0', start: () => ({ stop: () => new Promise(() => {}) }) });`,
  );
  await here.write(
    'alknet.config.json',
    config({ stuck: { use: './stuck.ts', isolation: 'inline' } }, { limits: { drain: 10 } }),
  );
  const node = await up(here);
  // Held open by this connection, which is busy.
  const session = await connect(`127.0.0.1:${node.port}#${node.id}`, {
    identity: join(here.data, 'operator.key'),
  });
  t.after(() => session.close());
  const watch = session.subscribe('services/watch', {});
  await watch.next();
  watch.next().catch(() => {});
  node.child.kill('SIGTERM');
  await eventually('it drains', async () => {
    const probe = await connect(`127.0.0.1:${node.port}#${node.id}`, {
      timeoutMs: 500,
      transport: 'tls',
    }).catch(() => undefined);
    probe?.close();
    return probe === undefined;
  });
  assert.equal(await node.stop('SIGTERM'), 143);
});

test('END-52 a plugin that never stops delays the exit a little and is named in the log', async (t) => {
  const here = await made(t);
  await here.write(
    'stuck.ts',
    `import { definePlugin } from '@alknet/sdk';
     export default definePlugin({ name: 'stuck', version: '1.0.0', start: () => ({ stop: () => new Promise(() => {}) }) });`,
  );
  await here.write('alknet.config.json', config({ stuck: { use: './stuck.ts', isolation: 'inline' } }));
  const node = await up(here);
  const begun = performance.now();
  assert.equal(await node.stop(), 1);
  assert.ok(performance.now() - begun < 3_000);
  assert.match(node.output(), /"plugin":"stuck".*did not stop|did not stop.*stuck/);
});

test('CLI-38 a second up on one data directory exits 8 and does not disturb the first', async (t) => {
  const here = await made(t);
  const node = await up(here);
  const { code, stderr } = await here.run(['up']);
  assert.equal(code, 8);
  assert.match(stderr, /runs on/);
  await here.ok(['call', 'services/list', 'limit:=1']);
  assert.equal(await node.stop(), 0);
});

test('VLT-48 a passphrase vault opens by file and by systemd credential; with neither the node exits 10 and binds nothing', async (t) => {
  const here = await place(t);
  const pass = await here.write('pass', 'a long enough passphrase\n');
  await writeFile(pass, 'a long enough passphrase\n', { mode: 0o600 });
  const { chmod } = await import('node:fs/promises');
  await chmod(pass, 0o600);
  await here.ok(['init', '--listen', '127.0.0.1:0', '--passphrase-file', 'pass']);
  const { code, stderr } = await here.run(['up']);
  assert.equal(code, 10);
  assert.match(stderr, /--passphrase-file/);
  const node = await up(here, ['--passphrase-file', 'pass']);
  assert.equal(await node.stop(), 0);
  assert.ok(!node.output().includes('long enough'), 'VLT-53: no passphrase in the log');
});

test('CLI-12 CLI-15 with --json standard output parses and errors are one JSON line with their exit code', async (t) => {
  const here = await made(t);
  await up(here);
  JSON.parse(await here.ok(['ops', '--json']));
  JSON.parse(await here.ok(['peer', 'list', '--json']));
  const cases: [string[], number][] = [
    [['call', 'services/none', '--json'], 7],
    [['call', 'services/list', 'limit=x', '--json'], 2],
    [['peer', 'show', 'nobody', '--json'], 7],
    [['nonsense', '--json'], 2],
    [['blob', '--json'], 12],
    [['call', 'services/list', '--node', '127.0.0.1:9', '--json'], 5],
  ];
  for (const [args, exit] of cases) {
    const { code, stderr } = await here.run(args);
    assert.equal(code, exit, args.join(' '));
    const lines = stderr.trim().split('\n');
    assert.equal(lines.length, 1);
    assert.equal((JSON.parse(lines[0] ?? '') as { error: { exit: number } }).error.exit, exit);
  }
});

test('CLI-14 CLI-13 a wrong pin exits 5 with both keys, and a host without pin is refused', async (t) => {
  const here = await made(t);
  const node = await up(here);
  const wrong = `ed25519:${'0'.repeat(64)}`;
  const mismatch = await here.run(['call', 'services/list', '--node', `127.0.0.1:${node.port}#${wrong}`]);
  assert.equal(mismatch.code, 5);
  assert.ok(mismatch.stderr.includes(wrong) && mismatch.stderr.includes(node.id));
  assert.equal((await here.run(['call', 'services/list', '--node', `127.0.0.1:${node.port}`])).code, 5);
});

test('CLI-20 call takes JSON, a file, standard input and key=value with equal results', async (t) => {
  const here = await made(t);
  await up(here);
  await here.write('input.json', '{ "name": "services/list" }');
  const ways = [
    ['{ "name": "services/list" }'],
    ['@input.json'],
    ['name=services/list'],
    ['name:="services/list"'],
  ];
  const outputs = await Promise.all(ways.map((way) => here.ok(['call', 'services/schema', ...way])));
  outputs.push(await here.ok(['call', 'services/schema', '-'], '{ "name": "services/list" }'));
  assert.equal(new Set(outputs).size, 1);
});

test('CLI-35 a mistyped command exits 2 and proposes the nearest', async (t) => {
  const here = await place(t);
  const { code, stderr } = await here.run(['statsu']);
  assert.equal(code, 2);
  assert.match(stderr, /did you mean alknet status\?/);
});

const talker = `
import { defineOperation, definePlugin, Type } from '@alknet/sdk';
const empty = Type.Object({});
export default definePlugin({
  name: 'talk', version: '1.0.0',
  operations: [
    defineOperation({ name: 'talk/speak', type: 'query', access: 'public', input: empty, output: empty, handler: (_input, { log }) => {
      log.debug('spoken');
      return {};
    } }),
  ],
});
`;

test('CFG-46 a log level changed in the file takes effect without restart, for one plugin alone too', async (t) => {
  const here = await made(t);
  await here.write('talk.ts', talker);
  const withLog = (log: object) => config({ talk: { use: './talk.ts', isolation: 'inline' } }, { log });
  await here.write('alknet.config.json', withLog({ level: 'info' }));
  const node = await up(here);
  const session = await connect(`127.0.0.1:${node.port}#${node.id}`, {
    identity: join(here.data, 'operator.key'),
  });
  t.after(() => session.close());
  await session.call('talk/speak', {});
  const speakers = () =>
    node
      .output()
      .split('\n')
      .filter((line) => line.includes('"level":"debug"'))
      .map((line) => (JSON.parse(line) as { plugin?: string }).plugin);
  const heard = (from: string | undefined) =>
    eventually(`a debug line of ${from ?? 'the node'}`, async () => {
      await session.call('talk/speak', {});
      return speakers().includes(from);
    });
  assert.deepEqual(speakers(), []);
  await here.write('alknet.config.json', withLog({ plugins: { talk: 'debug' } }));
  await heard('talk');
  assert.ok(speakers().every((from) => from === 'talk'));
  await here.write('alknet.config.json', withLog({ level: 'debug' }));
  await heard(undefined);
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { tokenHash } from '../../src/identity/index.ts';
import { shellIn } from './cli-support.ts';
import { eventually, made, type Place, up } from './support.ts';

const keys = [1, 2].map((n) => `ed25519:${String(n).repeat(64)}`);
const [first = '', second = ''] = keys;
const later = '2099-01-01T00:00:00Z';
const changes: readonly (readonly string[])[] = [
  ['peer', 'add', 'bob', 'b.example:1', '--fingerprint', first, '--scope', 'a:read', '--resource', 'repo=x'],
  ['peer', 'set', 'bob', '--name', 'Bob', '--scope', 'b:read', '--fingerprint', second, '--expires', later],
  [
    'peer',
    'set',
    'bob',
    '--remove-scope',
    'a:read',
    '--remove-fingerprint',
    first,
    '--remove-resource',
    'repo=x',
  ],
  ['peer', 'disable', 'bob'],
  ['token', 'new', 'ci', '--scope', 'host:read', '--expires', later],
  ['token', 'new', 'bob', '--scope', 'd:read'],
  ['token', 'revoke', 'bob'],
  ['peer', 'add', 'gone'],
  ['peer', 'rm', 'gone', '--yes'],
];

async function entriesOf(here: Place) {
  const { peers } = JSON.parse(await here.read('data/peers.json')) as {
    peers: (Record<string, unknown> & { id: string; tokenHash?: string })[];
  };
  return peers.filter(({ id }) => id !== 'operator');
}

test('CLI-43 peer and token commands leave the same entries locally and with --node, and no token travels', async (t) => {
  const [here, there] = await Promise.all([made(t), made(t)]);
  const node = await up(there, ['--log-level', 'trace']);
  const remote = ['--node', `127.0.0.1:${node.port}#${node.id}`];
  const tokens: string[] = [];
  // The two at once; each in its own order.
  await Promise.all([
    (async () => {
      for (const args of changes) await here.ok(args);
    })(),
    (async () => {
      for (const args of changes) {
        const out = await there.ok([...args, ...remote]);
        if (args[1] === 'new') tokens.push(out.trim());
      }
    })(),
  ]);
  const [local, far] = await Promise.all([entriesOf(here), entriesOf(there)]);
  const comparable = (entries: typeof local) =>
    entries.map(({ createdAt, tokenHash: hash, ...entry }) => ({
      ...entry,
      made: typeof createdAt,
      token: hash !== undefined,
    }));
  assert.deepEqual(comparable(far), comparable(local));
  assert.deepEqual(
    far.flatMap(({ tokenHash: hash }) => hash ?? []),
    [tokenHash(tokens[0] ?? '')],
  );
  const seen = [
    node.output(),
    await there.read('data/peers.json'),
    await there.ok(['token', 'list', ...remote]),
  ];
  for (const token of tokens) for (const text of seen) assert.ok(!text.includes(token.slice(4)));
  const refused: [string[], number][] = [
    [['peer', 'show', 'nobody'], 7],
    [['peer', 'add', 'bob'], 8],
    [['peer', 'disable', 'operator'], 8],
  ];
  const codes = await Promise.all(
    refused.map(async ([args]) => (await there.run([...args, ...remote])).code),
  );
  assert.deepEqual(
    codes,
    refused.map(([, code]) => code),
  );
});

test('CLI-16 vault and secret refuse --node with exit 2', async (t) => {
  const here = await made(t);
  const remote = ['--node', `127.0.0.1:9#${keys[0]}`];
  const commands = [
    ...['show', 'export', 'lock', 'unlock', 'rotate', 'restore'].map((word) => ['vault', word]),
    ['secret', 'list'],
    ['secret', 'set', 'x'],
    ['secret', 'rm', 'x'],
    ['secret', 'rotate'],
  ];
  const queue = [...commands];
  const worker = async () => {
    for (let args = queue.shift(); args !== undefined; args = queue.shift()) {
      const { code, stderr, stdout } = await here.run([...args, ...remote]);
      assert.equal(code, 2, args.join(' '));
      assert.match(stderr, /--node/);
      assert.equal(stdout, '');
    }
  };
  await Promise.all([worker(), worker(), worker()]);
});

test('CLI-16 the control socket knows lock, unlock and state alone, and no other user reaches it', async (t) => {
  const here = await made(t);
  await up(here);
  const path = join(here.data, 'control.sock');
  const ask = async (line: string) => {
    const socket = connect(path);
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    socket.write(`${line}\n`);
    await once(socket, 'close');
    return JSON.parse(text) as { ok: boolean; code?: string };
  };
  assert.equal((await ask('{"request":"state"}')).ok, true);
  for (const request of ['export', 'secrets', 'stop', 'constructor', '', null]) {
    const answer = await ask(JSON.stringify({ request }));
    assert.deepEqual([answer.ok, answer.code], [false, 'UNKNOWN'], String(request));
  }
  assert.equal((await ask('no json')).ok, false);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.equal((await stat(here.data)).mode & 0o777, 0o700);
  // Only root can play another user.
  if (process.getuid?.() !== 0) return;
  // With every directory open the socket's own mode still holds.
  await Promise.all([chmod(here.folder, 0o755), chmod(here.data, 0o755)]);
  const script = `require('net').connect(process.argv[1]).on('error', (e) => { console.log(e.code); process.exit(); }).on('connect', () => process.exit(3))`;
  const other = spawnSync(process.execPath, ['-e', script, path], {
    uid: 65534,
    gid: 65534,
    encoding: 'utf8',
  });
  assert.equal(other.stdout.trim(), 'EACCES');
});

test('CLI-18 peer add without a fingerprint trusts nothing unless a person confirms the key that is shown', async (t) => {
  const here = await made(t);
  const sh = await shellIn(here);
  const node = await up(here);
  const address = `127.0.0.1:${node.port}`;
  const before = await here.read('data/peers.json');
  const noTerminal = await here.run(['peer', 'add', 'bob', address]);
  assert.equal(noTerminal.code, 2);
  assert.match(noTerminal.stderr, /--fingerprint/);
  // Neither does --yes answer that question.
  assert.equal((await here.run(['peer', 'add', 'bob', address, '--yes'])).code, 2);
  const asked = async (answer: string) =>
    await sh(`script -qec 'alknet peer add bob ${address} --yes' /dev/null`, { input: `${answer}\n` });
  const refused = await asked('n');
  assert.equal(refused.code, 5);
  assert.ok(refused.stdout.includes(node.id));
  assert.equal(await here.read('data/peers.json'), before);
  assert.equal((await asked('y')).code, 0);
  const [bob] = await entriesOf(here);
  assert.deepEqual(bob?.['fingerprints'], [node.id]);
});

test('CLI-09 a host name is accepted wherever an address is', async (t) => {
  const here = await made(t);
  await here.write(
    'alknet.config.json',
    JSON.stringify({
      dataDir: './data',
      listen: { quic: 'localhost:0', tls: 'localhost:0' },
      plugins: { call: true },
    }),
  );
  const node = await up(here);
  const place = `localhost:${node.port}`;
  const list = ['call', 'services/list', 'limit:=1', '--json'];
  const expected = await here.ok(list);
  assert.equal(await here.ok([...list, '--node', `${place}#${node.id}`]), expected);
  await here.ok(['peer', 'add', 'self', place, '--fingerprint', node.id]);
  assert.equal(await here.ok([...list, '--node', 'self']), expected);
  await here.ok(['pipe', `${place}#${node.id}`, 'alknet/call']);
  await here.write(
    'alknet.config.json',
    JSON.stringify({
      dataDir: './data',
      listen: { quic: 'localhost:0', tls: 'localhost:0' },
      plugins: { call: true },
      peers: { named: { addresses: [place], fingerprints: [node.id] } },
    }),
  );
  await eventually(
    'the alias',
    async () => (await here.run([...list, '--node', 'named'])).stdout === expected,
  );
});

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { problemLine } from '../../src/config/index.ts';
import { accepted, refused } from './support.ts';

test('CFG-05 {} is valid: it listens on loopback only, runs no plugin and knows no peer', () => {
  const { config } = accepted('{}');
  const { quic, tls } = config.listen;
  assert.ok(quic !== false && tls !== false);
  assert.deepEqual(quic.addresses, [{ host: '127.0.0.1', port: 4433 }]);
  assert.deepEqual(tls.addresses, [{ host: '127.0.0.1', port: 4433, fallbackAlpn: 'http/1.1' }]);
  assert.deepEqual([config.plugins, config.peers, config.export], [{}, {}, []]);
  assert.equal(config.limits.frame, 16 * 1024 * 1024);
  assert.equal(config.limits.drain, 2000);
  assert.equal(config.tls.handshakeTimeout, 10_000);
});

test('CFG-07 comments, trailing commas and a byte order mark are accepted', () => {
  const { config } = accepted('\ufeff// the node\n{ /* its name */ "name": "a", }\n');
  assert.equal(config.name, 'a');
});

test('CFG-07 a repeated key is refused with both places', () => {
  const [problem, ...more] = refused('{\n  "name": "a",\n  "name": "b"\n}');
  assert.equal(more.length, 0);
  assert.deepEqual([problem?.line, problem?.column, problem?.pointer], [3, 3, '/name']);
  assert.match(problem?.message ?? '', /2:3/);
});

test('CFG-08 an unknown key is refused, and enabeld proposes enabled', () => {
  const [problem] = refused('{ "plugins": { "ssh": {\n  "enabeld": true } } }');
  assert.ok(problem);
  assert.equal(
    problemLine('alknet.config.json', problem),
    'alknet.config.json:2:3  plugins.ssh.enabeld: unknown key; did you mean "enabled"?',
  );
  assert.equal(problem.suggestion, 'enabled');
  assert.equal(refused('{ "limits": { "xyz": 1 } }')[0]?.suggestion, undefined);
});

test('CFG-09 durations and sizes work as numbers and as text with units', () => {
  const { limits } = accepted(
    '{ "limits": { "drain": 0.25, "reloadGrace": "250ms", "tlsIdleTimeout": "2d", "frame": 2048, "buffered": "1GiB" } }',
  ).config;
  assert.deepEqual(
    [limits.drain, limits.reloadGrace, limits.tlsIdleTimeout, limits.frame, limits.buffered],
    [250, 250, 172_800_000, 2048, 1024 ** 3],
  );
});

test('CFG-09 a wrong unit is refused with an example', () => {
  const [drain, frame] = refused('{ "limits": { "drain": "soon",\n "frame": "2MB" } }');
  assert.equal(drain?.message, 'expected a duration such as 2 or "2s", found "soon"');
  assert.equal(frame?.message, 'expected a size such as 1048576 or "1MiB", found "2MB"');
});

test('CFG-10 relative paths mean the same from every working directory', () => {
  const { config } = accepted('{ "dataDir": "./data", "log": { "file": "node.log" } }');
  assert.equal(config.dataDir, '/etc/node/data');
  assert.equal(config.log.file, '/etc/node/node.log');
});

const phrase = 'legal winner thank year wave sausage worth useful legal winner thank yellow';
const secrets = [
  ['a token', '{ "name": "alk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" }'],
  ['a token in a comment', '// alk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n{}'],
  ['an escaped token', '{ "name": "\\u0061lk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" }'],
  [
    'a private key',
    '{ "plugins": { "x": { "use": "./x.ts", "config": { "k": "-----BEGIN PRIVATE KEY-----\\nMC4C\\n" } } } }',
  ],
  ['a phrase', `{ "name": "${phrase}" }`],
  ['a phrase over several lines of a comment', `{} // ${phrase.replaceAll(' ', '\n// ')}`],
  [
    'a phrase as a list',
    `{ "plugins": { "x": { "config": { "w": ${JSON.stringify(phrase.split(' '))} } } } }`,
  ],
] as const;

test('CFG-11 a token, private key or mnemonic in the file is refused, and no message repeats it', () => {
  for (const [what, text] of secrets) {
    const problems = refused(text);
    const said = JSON.stringify(problems);
    assert.match(said, /alknet secret set|recovery phrase/, what);
    assert.doesNotMatch(said, /AAAAAA|MC4C|sausage/, what);
  }
});

test('CFG-11 the place of a secret is named', () => {
  const [problem] = refused('{\n  "peers": { "a": { "token": "alk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" } }\n}');
  assert.deepEqual([problem?.line, problem?.column, problem?.pointer], [2, 30, '/peers/a/token']);
});

test('CFG-12 a place for a secret takes a reference and refuses literal text', () => {
  const { config } = accepted('{ "peers": { "a": { "token": { "secret": "a-token" } } } }');
  assert.deepEqual(config.peers['a']?.token, { secret: 'a-token' });
  const [problem] = refused('{ "peers": { "a": { "token": "hunter2hunter2" } } }');
  assert.match(problem?.message ?? '', /expected a reference such as \{ "secret": "name" \}/);
  assert.doesNotMatch(JSON.stringify(problem), /hunter2/);
});

test('CFG-14 several problems of one file are all reported at once, in order of line', () => {
  const problems = refused(`{
    "log": { "level": "loud" },
    "limits": { "connections": 0,
      "drain": "soon" },
    "nmae": "x",
    "plugins": { "Call": true }
  }`);
  assert.deepEqual(
    problems.map(({ line, pointer }) => [line, pointer]),
    [
      [2, '/log/level'],
      [3, '/limits/connections'],
      [4, '/limits/drain'],
      [5, '/nmae'],
      [6, '/plugins/Call'],
    ],
  );
});

test('CFG-41 an entry in peers grants nothing: it is an address book', () => {
  const { config } = accepted(
    `{ "peers": { "a": { "addresses": ["a.example:4433"], "fingerprints": ["ed25519:${'ab'.repeat(32)}"] } } }`,
  );
  const members = Object.keys(config.peers['a'] ?? {});
  for (const right of ['scopes', 'resources', 'grant', 'access']) assert.ok(!members.includes(right));
  assert.match(refused('{ "peers": { "a": { "scopes": ["admin"] } } }')[0]?.message ?? '', /unknown key/);
});

test('CFG-51 the example of the specification loads as printed', async () => {
  const spec = await readFile(new URL('../../../docs/spec/config.md', import.meta.url), 'utf8');
  const example = /## 14\. The first file[\s\S]*?```jsonc\n([\s\S]*?)```/.exec(spec)?.[1];
  assert.ok(example);
  const { config } = accepted(example);
  assert.deepEqual(
    Object.values(config.plugins)
      .filter(({ enabled }) => enabled)
      .map(({ name }) => name),
    ['call', 'http', 'ssh', 'sftp', 'git', 'dns', 'fs', 'msg'],
  );
  assert.equal(config.plugins['weather']?.enabled, false);
  assert.equal(config.dataDir, '/etc/node/data');
});

test('CFG-03 a text that is no configuration is refused with the place and what was expected there', () => {
  assert.deepEqual(refused('{ "name" "x" }')[0], {
    pointer: '',
    line: 1,
    column: 10,
    message: 'expected a colon after the key',
  });
  assert.match(refused('')[0]?.message ?? '', /empty file/);
  assert.match(refused('[]')[0]?.message ?? '', /found a list/);
  assert.match(refused(Uint8Array.of(0x7b, 0xff, 0x7d))[0]?.message ?? '', /UTF-8/);
  assert.match(refused(`{"a":${'['.repeat(100_000)}`)[0]?.message ?? '', /64 levels/);
  assert.match(refused(`{}${' '.repeat(4 * 1024 * 1024)}`)[0]?.message ?? '', /4 MiB/);
});

test('CFG-03 what this build does not have is refused by the name of its key', () => {
  const cases: [string, string][] = [
    ['{ "listen": { "iroh": true } }', '/listen/iroh'],
    ['{ "store": { "kind": "nats", "servers": ["nats://x"] } }', '/store/kind'],
    ['{ "peers": { "worker1": { "transport": "iroh" } } }', '/peers/worker1/transport'],
  ];
  for (const [text, pointer] of cases) {
    const [problem] = refused(text);
    assert.equal(problem?.pointer, pointer);
    assert.match(problem?.message ?? '', /not available in this build/);
  }
});

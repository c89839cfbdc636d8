import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { matchesGlob } from '../src/core/globs.ts';
import { isName, nameOfPath } from '../src/core/names.ts';
import { errorPacket, packetLength, pktLine } from '../src/core/pkt-line.ts';
import { decide, type ExaminedUpdate, type PushRules } from '../src/core/push-policy.ts';
import { isPushable, isRefName } from '../src/core/ref-names.ts';
import { parseConfigList, refusedKey } from '../src/core/repository-config.ts';
import { parseRequest, protocolOfList } from '../src/core/request-line.ts';
import { may } from '../src/core/rights.ts';
import { injectedKeys } from '../src/git/environment.ts';

test('a request line is taken apart as git-daemon does it', () => {
  const parse = (text: string) => parseRequest(Buffer.from(text, 'latin1'));
  const request = (service: string, path: string, protocol?: string) => ({
    kind: 'request',
    request: { service, path, protocol },
  });
  assert.deepEqual(parse('git-upload-pack /a.git\0'), request('git-upload-pack', '/a.git'));
  assert.deepEqual(parse('git-upload-pack /a.git\n'), request('git-upload-pack', '/a.git'));
  assert.deepEqual(parse('git-receive-pack a\0host=h:1\0'), request('git-receive-pack', 'a'));
  assert.deepEqual(
    parse('git-upload-pack a\0host=h\0\0version=2\0'),
    request('git-upload-pack', 'a', 'version=2'),
  );
  assert.deepEqual(
    parse('git-upload-archive a\0\0version=1\0x=y\0object-format=sha256\0'),
    request('git-upload-archive', 'a', 'version=1:object-format=sha256'),
  );
  assert.deepEqual(parse('git-shell a\0'), { kind: 'unknown service' });
  for (const text of [
    '',
    'git-upload-pack',
    ' a\0',
    'git-upload-pack a\0version=2\0',
    'git-upload-pack a\0\0\0',
    'git-upload-pack a\nb\0',
  ])
    assert.deepEqual(parse(text), { kind: 'malformed' }, JSON.stringify(text));
  assert.equal(protocolOfList('version=2:evil=1'), 'version=2');
  assert.equal(protocolOfList("version=2'; rm"), undefined);
  // Whatever comes, it is one of three.
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const { kind } = parseRequest(bytes);
      return kind === 'request' || kind === 'malformed' || kind === 'unknown service';
    }),
  );
});

test('pkt-lines carry their length, header included', () => {
  assert.equal(pktLine('a').toString(), '0005a');
  assert.equal(errorPacket('no').toString(), '000aERR no');
  assert.equal(packetLength(Buffer.from('fFf0')), 0xfff0);
  for (const text of ['+123', ' 123', '0x12', '12', 'zzzz'])
    assert.equal(packetLength(Buffer.from(text)), undefined);
  assert.throws(() => pktLine('x'.repeat(65_517)), RangeError);
});

test('no path of any kind gives a name that could leave the root', () => {
  assert.equal(nameOfPath('//team/app.git/'), 'team/app');
  assert.equal(nameOfPath('app'), 'app');
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('/', '.', '..', 'a', '-', '.git', '%2e', '\\', '\0', '~', 'A_1'), {
        maxLength: 12,
      }),
      (parts) => {
        const name = nameOfPath(parts.join(''));
        return (
          name === undefined ||
          (/^[A-Za-z0-9_]/.test(name) && !/\.\.|\/\/|\/[.-]|[^A-Za-z0-9._/-]|\/$/.test(name))
        );
      },
    ),
  );
  assert.equal(isName('a'.repeat(100)), true);
  assert.equal(isName('a'.repeat(101)), false);
  assert.equal(isName(Array(8).fill('a').join('/')), true);
  assert.equal(isName(Array(9).fill('a').join('/')), false);
  assert.equal(isName(Array(3).fill('a'.repeat(90)).join('/')), false, '272 bytes');
});

test('globs: * stays inside a segment, ** takes any number', () => {
  const yes: [string, string][] = [
    ['*', 'a'],
    ['**', 'a/b/c'],
    ['a/**', 'a/b/c'],
    ['**/c', 'c'],
    ['**/c', 'a/b/c'],
    ['a/*/c', 'a/b/c'],
    ['a-*-z', 'a--z'],
    ['refs/heads/v*.x', 'refs/heads/v1.x'],
  ];
  const no: [string, string][] = [
    ['*', 'a/b'],
    ['a/*', 'a'],
    ['a/*', 'a/b/c'],
    ['A', 'a'],
    ['a.c', 'abc'],
    ['a*a', 'a'],
    ['', 'a'],
  ];
  for (const [glob, text] of yes) assert.equal(matchesGlob(glob, text), true, `${glob} ${text}`);
  for (const [glob, text] of no) assert.equal(matchesGlob(glob, text), false, `${glob} ${text}`);
  // No pattern takes long.
  const begun = performance.now();
  matchesGlob(`${'**/'.repeat(80)}x`, 'a/'.repeat(8));
  matchesGlob('*a'.repeat(120), 'a'.repeat(255));
  assert.ok(performance.now() - begun < 1000);
});

test('rights follow the scopes, and nobody has any', () => {
  const who = (...scopes: string[]) => ({ id: 'ada', scopes, resources: {} });
  assert.equal(may(null, 'read', 'a'), false);
  assert.equal(may(who('git:write:a'), 'read', 'a'), true);
  assert.equal(may(who('git:read:a'), 'write', 'a'), false);
  assert.equal(may(who('git:create:a'), 'read', 'a'), false);
  assert.equal(may(who('git:admin:**'), 'delete', 'a/b'), true);
  assert.equal(may(who('git:write:{peer}/*'), 'write', 'ada/x'), true);
  assert.equal(may(who('git:write:{peer}/*'), 'write', 'bob/x'), false);
  assert.equal(may({ ...who('git:write:{peer}'), id: 'ssh:**' }, 'write', 'a'), false);
  assert.equal(may(who('git:read:', 'git::a', 'git:read', 'admin'), 'read', 'a'), false);
});

test('refs are those of git-check-ref-format, and three kinds can be pushed', () => {
  for (const ref of ['refs/heads/a', 'refs/tags/v1.0', 'refs/notes/commits', 'refs/heads/é'])
    assert.equal(isPushable(ref), true, ref);
  for (const ref of [
    'refs/heads/',
    'refs/heads/a..b',
    'refs/heads/.a',
    'refs/heads/a.lock',
    'refs/heads/a b',
    'refs/heads/a~1',
    'refs/heads/@{u}',
    'refs/heads/a//b',
    'refs/heads/a.',
    'refs/pull/1',
    'refs/alknet/x',
    'HEAD',
    `refs/heads/${'a'.repeat(234)}`,
  ])
    assert.equal(isPushable(ref), false, ref);
  assert.equal(isRefName('refs/pull/1'), true);
});

test('a push is decided as a whole on its facts', () => {
  const rules: PushRules = {
    allowForce: ['refs/heads/topic/**'],
    allowDelete: [],
    allowTagUpdate: [],
    protect: [{ ref: 'refs/heads/main', principals: ['release'] }],
    maxRefs: 3,
    maxRepoSize: 100,
  };
  const bob = { id: 'bob', scopes: ['x'], admin: false };
  const update = (ref: string, more: Partial<ExaminedUpdate> = {}): ExaminedUpdate => ({
    ref,
    old: '1'.repeat(40),
    new: '2'.repeat(40),
    kind: 'update',
    forced: false,
    type: 'commit',
    ...more,
  });
  const decided = (...updates: ExaminedUpdate[]) =>
    decide(rules, bob, updates, 10).map(({ reason }) => reason);
  assert.deepEqual(decided(update('refs/heads/a')), []);
  assert.deepEqual(decided(update('refs/heads/a', { forced: true })), ['not a fast-forward']);
  assert.deepEqual(decided(update('refs/heads/topic/a/b', { forced: true })), []);
  assert.deepEqual(decided(update('refs/heads/main')), ['the ref is protected']);
  assert.deepEqual(decide(rules, { ...bob, id: 'release' }, [update('refs/heads/main')], 10), []);
  assert.deepEqual(
    decide(rules, { ...bob, admin: true }, [update('refs/heads/main', { forced: true })], 10),
    [],
  );
  assert.equal(decide(rules, bob, [update('refs/heads/a')], 101).length, 1);
  const many = ['a', 'b', 'c', 'd'].map((name) => update(`refs/heads/${name}`));
  assert.equal(decide(rules, { ...bob, admin: true }, many, 10).length, 1);
});

test('a configuration file of a repository is taken only when it cannot change what runs', () => {
  const refused = (text: string) => refusedKey(parseConfigList(text).keys(), injectedKeys);
  assert.equal(refused('core.bare\ntrue\0extensions.objectformat\nsha256\0'), undefined);
  assert.equal(refused('remote.origin.url\nhttps://x\0receive.denynonfastforwards\ntrue\0'), undefined);
  for (const key of [
    'core.sshcommand',
    'core.hookspath2',
    'include.path',
    'includeif.gitdir:/.path',
    'uploadpack.packobjectshook',
    'remote.origin.promisor',
    'tar.x.command',
    'extensions.worktreeconfig',
    'filter.x.smudge',
  ])
    assert.equal(refused(`core.bare\ntrue\0${key}\nvalue\0`), key);
});

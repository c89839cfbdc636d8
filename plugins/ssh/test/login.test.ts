import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { account, lab, libraryLogin, ran, until } from './support.ts';

test('SSH-01 a stock OpenSSH client with a peer’s Ed25519 key logs in over the bare listener', async (t) => {
  const { key, peers, ssh, lines } = await lab(t);
  const alice = key('alice');
  peers.set('alice', ['ssh:exec'], { fingerprints: [alice.normal] });
  const { code, stdout, stderr } = await ssh(alice, [
    '127.0.0.1',
    'echo $ALKNET_PEER; echo error >&2; exit 7',
  ]);
  assert.deepEqual({ code, stdout, stderr }, { code: 7, stdout: 'alice\n', stderr: 'error\n' });
  assert.equal(lines('ssh auth result=accept ').length, 1);
});

test('ECDSA keys of the three curves and RSA keys log in, a key of 1024 bits and one without a peer do not', async (t) => {
  const { key, peers, ssh, lines } = await lab(t);
  const accepted = [
    ...[256, 384, 521].map((bits) => key(`ecdsa${bits}`, '-t', 'ecdsa', '-b', String(bits))),
    key('rsa2048', '-t', 'rsa', '-b', '2048'),
    key('rsa3072', '-t', 'rsa', '-b', '3072'),
  ];
  const small = key('rsa1024', '-t', 'rsa', '-b', '1024');
  const fingerprints = [...accepted, small].map(({ normal }) => normal);
  peers.set('alice', ['ssh:exec'], { fingerprints });
  for (const each of accepted) {
    const { code, stdout, stderr } = await ssh(each, ['127.0.0.1', 'echo in']);
    assert.deepEqual([code, stdout], [0, 'in\n'], `${each.file} ${stderr}`);
  }
  for (const algorithm of ['rsa-sha2-256', 'rsa-sha2-512']) {
    const { code } = await ssh(accepted[3], [
      '-o',
      `PubkeyAcceptedAlgorithms=${algorithm}`,
      '127.0.0.1',
      'true',
    ]);
    assert.equal(code, 0, algorithm);
  }
  const sha1 = await ssh(accepted[3], ['-o', 'PubkeyAcceptedAlgorithms=ssh-rsa', '127.0.0.1', 'true']);
  assert.equal(sha1.code, 255);
  assert.equal((await ssh(small, ['-o', 'RequiredRSASize=1024', '127.0.0.1', 'true'])).code, 255);
  assert.match(lines('ssh auth result=reject ').at(-1) ?? '', / reason=key_type$/);
});

test('SSH-02 the same client with an unknown key is refused', async (t) => {
  const { key, peers, ssh, lines } = await lab(t);
  peers.set('alice', ['ssh:exec'], { fingerprints: [key('alice').normal] });
  const stranger = key('stranger');
  const { code, stderr } = await ssh(stranger, ['127.0.0.1', 'true']);
  assert.equal(code, 255);
  assert.match(stderr, /Permission denied/);
  assert.match(lines('ssh auth ').join('\n'), /^ssh auth result=reject .* reason=unknown_key$/);
});

test('a disabled peer is refused, and lives on under no live connection', async (t) => {
  const { key, peers, ssh, start, lines } = await lab(t);
  const alice = key('alice');
  peers.set('alice', ['ssh:exec'], { fingerprints: [alice.normal] });
  const live = ran(start(alice, ['127.0.0.1', 'sleep 60']));
  await until('login', () => lines('ssh auth result=accept').length === 1);
  peers.set('alice', ['ssh:exec'], { fingerprints: [alice.normal] }, false);
  assert.equal((await live).code, 255);
  assert.match(lines('ssh close').at(-1) ?? '', /peer=alice .* reason=revoked$/);
  assert.equal((await ssh(alice, ['127.0.0.1', 'true'])).code, 255);
});

test('SSH-03 the method list offered is exactly publickey', async (t) => {
  const { ssh } = await lab(t);
  const { stderr } = await ssh(undefined, ['-v', '-o', 'LogLevel=DEBUG1', '127.0.0.1', 'true']);
  assert.match(stderr, /Authentications that can continue: publickey\r?\n/);
  assert.match(stderr, /Permission denied \(publickey\)\./);
});

test('SSH-04 the sixth failed attempt ends in a disconnect and a closed stream', async (t) => {
  const { key, options, folder, lines } = await lab(t);
  const keys = Array.from({ length: 8 }, (_, i) => key(`key${i}`));
  const many = keys.flatMap(({ file }) => ['-i', file]);
  const args = [...options(keys[0]), ...many, '-o', 'LogLevel=DEBUG1', '127.0.0.1', 'true'];
  const { code, stderr } = await ran(
    spawn('ssh', args, { env: { PATH: process.env['PATH'], HOME: folder } }),
  );
  assert.equal(code, 255);
  assert.match(stderr, /Received disconnect from .*:14:|disconnect from .* port \d+:14/);
  assert.equal(lines('ssh auth result=reject ').length, 6);
  assert.match(lines('ssh close ').at(-1) ?? '', /reason=attempts$/);
});

test('FWD-26 each failed attempt yields exactly one line with address, user, key and result', async (t) => {
  const { key, ssh, lines } = await lab(t);
  const stranger = key('stranger');
  await ssh(stranger, ['-l', 'mallory', '127.0.0.1', 'true']);
  const found = lines('ssh auth');
  assert.equal(found.length, 1);
  assert.match(found[0] ?? '', /^.*ssh auth result=reject addr=127\.0\.0\.1 /);
  assert.match(
    found[0] ?? '',
    new RegExp(`user="(mallory|somebody)" method=publickey key=${stranger.normal} peer=-`),
  );
});

test('FWD-27 a newline, quote or escape in the user name cannot forge a line or a field', async (t) => {
  const { key, port, lines, node } = await lab(t);
  const stranger = key('stranger');
  const user = 'x" reason=-\nssh auth result=accept addr=6.6.6.6 \x1b[2J\\é';
  assert.match((await libraryLogin(port, stranger, user)) ?? '', /authentication methods failed/);
  for (const { event } of node.log) assert.match(event, /^[\x20-\x7e]*$/);
  const found = lines('ssh auth');
  assert.equal(found.length, 1);
  const told =
    'user="x\\" reason=-\\x0Assh auth result=accept addr=6.6.6.6 \\x1B[2J\\\\\\xC3\\xA9" method=publickey ';
  assert.ok(found[0]?.includes(told), found[0]);
  assert.match(found[0] ?? '', /^ssh auth result=reject addr=127\.0\.0\.1 .* reason=unknown_key$/);
});

test('a user name that is empty, too long or has a NUL is a failed attempt', async (t) => {
  const { key, peers, port, lines } = await lab(t);
  const alice = key('alice');
  peers.set('alice', ['ssh:exec'], { fingerprints: [alice.normal] });
  for (const user of ['x'.repeat(256), 'a\0b']) await libraryLogin(port, alice, user);
  assert.deepEqual(
    lines('ssh auth').map((line) => / reason=(\S+)$/.exec(line)?.[1]),
    ['user', 'user'],
  );
  assert.equal(await libraryLogin(port, alice, 'x'.repeat(255)), undefined);
});

test('SSH-28 a client with another pinned host key stops before offering a key', async (t) => {
  const { key, peers, ssh, write, port, lines } = await lab(t);
  const alice = key('alice');
  peers.set('alice', ['ssh:exec'], { fingerprints: [alice.normal] });
  const other = write('other_hosts', `[127.0.0.1]:${port} ${key('otherhost').line}\n`);
  const { code, stderr } = await ssh(alice, ['-o', `UserKnownHostsFile=${other}`, '127.0.0.1', 'true']);
  assert.equal(code, 255);
  assert.match(stderr, /Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED/);
  assert.deepEqual(lines('ssh auth'), []);
});

test('SSH-35 a connection that never authenticates is closed after the grace time', async (t) => {
  const { port, lines } = await lab(t, { loginGrace: '300ms' });
  const { connect } = await import('node:net');
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.resume();
  await new Promise((resolve) => socket.once('close', resolve));
  assert.match(lines('ssh close').join('\n'), /^ssh close addr=127\.0\.0\.1 .* peer=- .* reason=grace$/);
  assert.deepEqual(lines('ssh auth'), []);
});

test('SSH-16 a key given as text works like the same key given as @file', async (t) => {
  const { key, peers, ssh } = await lab(t);
  const alice = key('alice');
  for (const line of [alice.line, `@${alice.file}.pub`]) {
    peers.set('alice', ['ssh:exec'], { sshKeys: [line] });
    assert.equal((await ssh(alice, ['127.0.0.1', 'true'])).code, 0, line);
  }
});

test('SSH-27 from= and expiry-time= on a key line are enforced', async (t) => {
  const { key, peers, ssh, lines } = await lab(t);
  const alice = key('alice');
  const with_ = async (options: string) => {
    peers.set('alice', ['ssh:exec'], { sshKeys: [`${options} ${alice.line}`] });
    return (await ssh(alice, ['127.0.0.1', 'true'])).code;
  };
  assert.equal(await with_('from="127.0.0.0/8,::1"'), 0);
  for (const from of ['127.0.0.0/8,!127.0.0.1', '10.0.0.0/8', '::1']) {
    const before = lines('ssh auth').length;
    assert.equal(await with_(`from="${from}"`), 255);
    const [told = '', ...others] = lines('ssh auth').slice(before);
    assert.match(
      told.replace(alice.normal, 'KEY').replace(/port=\d+/, 'port=P'),
      /^ssh auth result=reject addr=127.0.0.1 port=P user="somebody" method=publickey key=KEY peer=alice reason=source$/,
    );
    assert.deepEqual(others, []);
  }
  assert.equal(await with_('expiry-time="20200101"'), 255);
  assert.match(lines('ssh auth').at(-1) ?? '', /reason=expired$/);
  assert.equal(await with_('expiry-time="29990101"'), 0);
});

test('SSH-37 revoking a key by reload refuses the next login and closes the live connection of that key', async (t) => {
  const { key, peers, ssh, start, node, lines } = await lab(t);
  const [alice, bob] = [key('alice'), key('bob')];
  peers.set('alice', ['ssh:exec'], { fingerprints: [alice.normal] });
  peers.set('bob', ['ssh:exec'], { fingerprints: [bob.normal] });
  const child = start(alice, ['127.0.0.1', 'sleep 60']);
  const other = start(bob, ['127.0.0.1', 'cat']);
  const [live, going] = [ran(child), ran(other)];
  await until('logins', () => lines('ssh auth result=accept').length === 2);
  const begun = performance.now();
  await node.configure({ listen: ['127.0.0.1:0'], ...account, revoked: [alice.normal] });
  assert.equal((await live).code, 255);
  assert.ok(performance.now() - begun < 2000);
  const next = await ssh(alice, ['127.0.0.1', 'true']);
  assert.equal(next.code, 255);
  assert.match(lines('ssh auth').at(-1) ?? '', /reason=revoked$/);
  other.stdin?.end('still here');
  assert.equal((await going).stdout, 'still here');
});

test('a user name outside ssh.users is refused', async (t) => {
  const { key, peers, ssh } = await lab(t, { users: ['alice'] });
  const alice = key('alice');
  peers.set('alice', ['ssh:exec'], { fingerprints: [alice.normal] });
  assert.equal((await ssh(alice, ['127.0.0.1', 'true'])).code, 255);
  assert.equal((await ssh(alice, ['-o', 'User=alice', '127.0.0.1', 'true'])).code, 0);
});

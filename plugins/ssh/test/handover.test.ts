import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import type { CloseInfo } from '@alknet/sdk';
import type { Dispatched } from '@alknet/sdk/testing';
import { lab, until } from './support.ts';

const here = '127.0.0.1';
const clean: CloseInfo = { code: 0, reason: '', by: 'local' };

/** A service that says what it was told, upper case, when it has heard it all. */
async function shout({ stream }: Dispatched): Promise<CloseInfo> {
  let heard = '';
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) heard += String(chunk);
  stream.end(heard.toUpperCase());
  await once(stream, 'finish');
  return clean;
}

/** A pkt-line as the service shouts it back. */
function line(text: string): string {
  return `${(text.length + 4).toString(16).padStart(4, '0')}${text}`.toUpperCase();
}

test('SSH-30 subsystem sftp and exec of git services reach their plugins, with who it is and how it ends', async (t) => {
  const { key, peers, ssh, node, lines } = await lab(t, {}, { dispatch: shout });
  const alice = key('alice');
  peers.set('alice', ['ssh:sftp'], { fingerprints: [alice.normal] });
  const sftp = await ssh(alice, ['-s', here, 'sftp'], 'files');
  assert.deepEqual([sftp.code, sftp.stdout], [0, 'FILES']);
  for (const [command, heard] of [
    [`git-upload-pack '/a b.git'`, line('git-upload-pack /a b.git\0')],
    ['git receive-pack ~/x.git', undefined],
    [`git receive-pack '~/x.git'`, line('git-receive-pack ~/x.git\0')],
    ['git-upload-archive /x', line('git-upload-archive /x\0')],
  ] as const) {
    const { code, stdout } = await ssh(alice, [here, command], 'pack');
    assert.deepEqual([code, stdout], heard === undefined ? [255, ''] : [0, `${heard}PACK`], command);
  }
  const versioned = await ssh(alice, ['-o', 'SetEnv=GIT_PROTOCOL=version=2:x', here, 'git-upload-pack /x']);
  assert.equal(versioned.stdout, line('git-upload-pack /x\0\0version=2\0x\0'));
  const [first] = node.dispatched;
  assert.deepEqual(
    [first?.alpn, first?.auth.identity, first?.auth.remote?.address, first?.auth.transport],
    ['alknet/sftp', peers.resolvePeer('alice'), here, 'ssh'],
  );
  assert.deepEqual([...new Set(node.dispatched.map(({ alpn }) => alpn))], ['alknet/sftp', 'alknet/git']);
  for (const command of ['git-upload-pack', 'git-upload-pack a b']) {
    assert.equal((await ssh(alice, [here, command])).code, 255);
    assert.match(lines('ssh denied').at(-1) ?? '', /what=git$/);
  }
  peers.set('alice', [], { fingerprints: [alice.normal] });
  assert.equal((await ssh(alice, ['-s', here, 'sftp'])).code, 255);
  assert.match(lines('ssh denied').at(-1) ?? '', /what=sftp$/);
});

test('a hand-over that ends in error is told as an exit status, one that nobody takes as a failed request', async (t) => {
  let answer: (dispatched: Dispatched) => Promise<CloseInfo> = ({ stream }) => {
    stream.resume();
    stream.end('half');
    return Promise.resolve({ code: 5, reason: 'broken', by: 'local' });
  };
  const { key, peers, ssh } = await lab(t, {}, { dispatch: (dispatched) => answer(dispatched) });
  const alice = key('alice');
  peers.set('alice', ['ssh:sftp'], { fingerprints: [alice.normal] });
  assert.equal((await ssh(alice, ['-s', here, 'sftp'])).code, 1);
  const git = await ssh(alice, [here, 'git-upload-pack /x']);
  assert.deepEqual([git.code, git.stdout], [128, 'half']);
  answer = () => Promise.reject(new Error('no running plugin owns ALPN alknet/sftp'));
  const refused = await ssh(alice, ['-s', here, 'sftp']);
  assert.equal(refused.code, 255);
  assert.match(refused.stderr, /subsystem request failed/);
});

test('a service that does not read waits for nobody, and is ended with the connection', async (t) => {
  let stream: Dispatched['stream'] | undefined;
  const { key, peers, start } = await lab(
    t,
    {},
    {
      dispatch: (dispatched) => {
        stream = dispatched.stream;
        return new Promise((resolve) => dispatched.stream.once('close', () => resolve(clean)));
      },
    },
  );
  const alice = key('alice');
  peers.set('alice', ['ssh:sftp'], { fingerprints: [alice.normal] });
  const child = start(alice, ['-s', here, 'sftp']);
  child.stdin?.write(Buffer.alloc(8_000_000));
  await until('the hand-over', () => stream !== undefined);
  const before = process.memoryUsage().arrayBuffers;
  let grown = 0;
  let still = 0;
  // Nothing tells that no more comes: none has for this long.
  await until('a standstill', async () => {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const last = grown;
    grown = process.memoryUsage().arrayBuffers - before;
    still = grown > 0 && Math.abs(grown - last) < 10_000 ? still + 1 : 0;
    return still === 3;
  });
  assert.ok(grown < 6_000_000, `${grown} bytes wait`);
  child.kill('SIGKILL');
  await until('the end of the service', () => stream?.destroyed === true);
});

test('a forced internal-sftp or git service is a hand-over, whatever was asked for', async (t) => {
  const { key, peers, ssh, node } = await lab(t, {}, { dispatch: shout });
  const alice = key('alice');
  peers.set('alice', [], { sshKeys: [`restrict,command="internal-sftp" ${alice.line}`] });
  assert.equal((await ssh(alice, [here, 'rm -rf /'], 'x')).stdout, 'X');
  peers.set('alice', [], { sshKeys: [`restrict,command="git-receive-pack /one.git" ${alice.line}`] });
  assert.equal(
    (await ssh(alice, [here, 'git-receive-pack /two.git'])).stdout,
    line('git-receive-pack /one.git\0'),
  );
  assert.deepEqual(
    node.dispatched.map(({ alpn }) => alpn),
    ['alknet/sftp', 'alknet/git'],
  );
});

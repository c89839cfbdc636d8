import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Connection, Stream } from '@alknet/sdk';
import { all, type Client, eventually, type Node, realNode } from './support.ts';

const pushing = { push: { enabled: true } };

async function started(
  t: Parameters<typeof realNode>[0],
  config: Readonly<Record<string, unknown>> = pushing,
): Promise<{ node: Node; ada: Client; work: string }> {
  const node = await realNode(t, config);
  const ada = await node.client('ada', all);
  await ada.call('git/create', { name: 'app' });
  const work = await ada.work('app', 2);
  if (config['push'] !== undefined) await ada.git(['push', '--quiet', 'origin', 'main'], { cwd: work });
  return { node, ada, work };
}

function line(text: string): Buffer {
  return Buffer.concat([
    Buffer.from((Buffer.byteLength(text, 'latin1') + 4).toString(16).padStart(4, '0')),
    Buffer.from(text, 'latin1'),
  ]);
}

async function open(connection: Connection, bytes: Buffer): Promise<Stream> {
  const stream = connection.multiplexed
    ? await connection.openStream()
    : (await connection[Symbol.asyncIterator]().next()).value;
  assert.ok(stream);
  stream.on('error', () => {});
  stream.write(bytes);
  return stream;
}

/** All that comes, to the end or the reset of the stream. */
async function answer(stream: Stream, least = Number.POSITIVE_INFINITY): Promise<string> {
  let text = '';
  await new Promise<void>((resolve) => {
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (text.length >= least) resolve();
    });
    stream.once('end', resolve);
    stream.once('close', resolve);
  });
  return text;
}

test('GIT-07 a malformed request line ends only that stream', async (t) => {
  const { ada } = await started(t);
  const connection = await ada.dial();
  t.after(() => connection.close());
  const good = await open(connection, line('git-upload-pack /app.git\0\0version=2\0'));
  const malformed = [
    'xxxx', // no length
    '0000', // no line at all
    '0004', // nothing in it
    '1fff', // longer than a request may be
    line('git-upload-pack').toString('latin1'),
    line('git-upload-pack \0').toString('latin1'),
    line('git-upload-pack /app.git').toString('latin1'),
    line('git-upload-pack /app.git\0host').toString('latin1'),
    line('git-upload-pack /app.git\0\0version=2').toString('latin1'),
    line(`git-upload-pack /app.git\0\0${'a=b\0'.repeat(17)}`).toString('latin1'),
    line('GIT-UPLOAD-PACK /app.git\0').toString('latin1'),
  ];
  for (const text of malformed) {
    const stream = await open(connection, Buffer.from(text, 'latin1'));
    assert.equal(await answer(stream), '0019ERR malformed request', JSON.stringify(text));
  }
  // One that ends in the middle.
  const cut = await open(connection, Buffer.from('00'));
  cut.end();
  assert.equal(await answer(cut), '0019ERR malformed request');
  for (const word of ['git-upload-pack --upload-pack=x', 'git-shell /app.git', 'upload-pack /app.git']) {
    const text = await answer(await open(connection, line(`${word}\0`)));
    assert.match(text, /^00..ERR (?:unknown service|repository not found: --upload-pack=x)$/);
  }
  assert.match(await answer(good, 18), /^000eversion 2\n/);
  good.destroy();
});

test('GIT-09 a stranger can neither list nor clone, and cannot tell an existing repository from a missing one', async (t) => {
  const { node } = await started(t);
  const eve = await node.client('eve', ['git:read:other/**']);
  const [there, missing] = await Promise.all(
    ['app', 'nope'].map((name) => eve.try(['clone', '--quiet', eve.url(name)])),
  );
  assert.match(there?.stderr ?? '', /remote error: repository not found: app\n/);
  assert.equal(there?.code, missing?.code);
  assert.equal(there?.stderr.replaceAll('app', 'X'), missing?.stderr.replaceAll('nope', 'X'));
  assert.deepEqual(await eve.call('git/list', {}), { repos: [] });
  for (const operation of ['git/info', 'git/refs', 'git/log']) {
    for (const name of ['app', 'nope'])
      await assert.rejects(eve.call(operation, { name }), {
        code: 'REPO_NOT_FOUND',
        message: `repository not found: ${name}`,
      });
  }
  // Nobody at all: a key that the node does not know.
  await node.client('gone', []);
  const nobody = await node.client('nobody', all);
  await nobody.grant([]);
  assert.match((await nobody.try(['ls-remote', nobody.url('app')])).stderr, /repository not found: app/);
});

test('GIT-14 a name leaving the root, by .., absolute, encoding or symbolic link, is not found', async (t) => {
  const { node, ada } = await started(t);
  const outside = join(node.directory, 'outside');
  execFileSync('git', ['init', '--quiet', '--bare', join(outside, 'secret.git')]);
  await symlink(join(outside, 'secret.git'), join(node.root, 'link.git'));
  await symlink(outside, join(node.root, 'group'));
  // A repository that is one outside, but for a link.
  await mkdir(join(node.root, 'hollow.git'));
  for (const part of ['objects', 'refs', 'HEAD', 'config'])
    await symlink(join(outside, 'secret.git', part), join(node.root, 'hollow.git', part));
  const connection = await ada.dial();
  t.after(() => connection.close());
  const paths = [
    '/../outside/secret.git',
    '/app.git/../../outside/secret',
    `${outside}/secret.git`,
    '/%2e%2e/outside/secret',
    '/..%2foutside/secret',
    '/link',
    '/link.git',
    '/group/secret',
    '/hollow',
    '/~/app',
    '/~root/app',
    '/app.git/objects',
    '/.trash/app',
    '/app\\..\\x',
    '/./app',
    '/app//x',
    '/APP',
    '/app.git.git',
    '/app.lock',
    '/app.',
    '/-app',
    '/--help',
    `/${'a/'.repeat(8)}b`,
    `/${'a'.repeat(101)}`,
    '/\xc3\xa4pp',
    '/ap\x01p',
    '/',
  ];
  for (const path of paths) {
    const text = await answer(await open(connection, line(`git-upload-pack ${path}\0`)));
    assert.match(text, /^[0-9a-f]{4}ERR repository not found: /, path);
  }
  for (const path of ['app', '/app', '//app.git', '/app.git/']) {
    const stream = await open(connection, line(`git-upload-pack ${path}\0`));
    assert.match(await answer(stream, 40), /^[0-9a-f]{4}[0-9a-f]{40} HEAD\0/, path);
    stream.destroy();
  }
});

test('GIT-15 an aborted push leaves no ref change and no temporary file', async (t) => {
  const { node, ada } = await started(t);
  const before = await node.refs('app');
  for (const transport of ['quic', 'tls'] as const) {
    for (const leave of ['destroy the stream', 'close the connection', 'end half-way'] as const) {
      const connection = await ada.dial(transport);
      const stream = await open(connection, line('git-receive-pack /app.git\0'));
      await answer(stream, 100);
      const id = '1'.repeat(40);
      stream.write(line(`${'0'.repeat(40)} ${id} refs/heads/half\0report-status side-band-64k`));
      stream.write('0000');
      // A pack that promises 100 objects and brings a part of one.
      stream.write(Buffer.concat([Buffer.from('PACK'), Buffer.from([0, 0, 0, 2, 0, 0, 0, 100, 0x95, 0x0a])]));
      await eventually('git has begun to unpack', async () =>
        (await readdir(join(node.root, 'app.git', 'objects'))).some((name) => name.startsWith('tmp_objdir-')),
      );
      if (leave === 'destroy the stream') stream.destroy();
      else if (leave === 'close the connection') connection.close();
      else stream.end();
      await eventually(`${transport}: ${leave}: nothing is left`, async () => {
        const names = await readdir(join(node.root, 'app.git', 'objects'));
        return !names.some((name) => name.startsWith('tmp_objdir-'));
      });
      connection.close();
      assert.deepEqual(await node.leftovers('app'), []);
      assert.equal(await node.refs('app'), before);
    }
  }
  await eventually('no process is left', () => processesOn(node).length === 0);
  const policies = join(node.directory, 'data', 'plugins', 'git', 'pushes');
  await eventually('no policy is left', async () => (await readdir(policies)).length === 0);
});

test('a push of stock git that is killed half-way changes nothing', async (t) => {
  // Over QUIC nothing tells that a process was killed but its silence.
  const { node, ada, work } = await started(t, { push: { enabled: true, idleTimeout: '1s' } });
  const before = await node.refs('app');
  await writeFile(join(work, 'large'), crypto.getRandomValues(new Uint8Array(65_536)));
  for (let n = 0; n < 64; n++)
    await writeFile(join(work, `large-${n}`), crypto.getRandomValues(new Uint8Array(65_536)));
  await ada.git(['add', '.'], { cwd: work });
  await ada.git(['commit', '--quiet', '-m', 'large'], { cwd: work });
  // Its own helper, so that the killing meets the middle: after 100 kB of what git sends.
  const helper = `#!${process.execPath}
    const { spawn } = require('node:child_process');
    const real = spawn('git-remote-alknet', process.argv.slice(2), { stdio: ['pipe', 'inherit', 'inherit'] });
    let sent = 0;
    process.stdin.on('data', (chunk) => {
      real.stdin.write(chunk);
      sent += chunk.length;
      if (sent > 100_000) { real.kill('SIGKILL'); process.stdin.destroy(); }
    });
    process.stdin.on('end', () => real.stdin.end());
    real.stdin.on('error', () => {});
    real.on('close', (code) => process.exit(code ?? 1));`;
  await writeFile(join(ada.home, 'git-remote-cut'), helper, { mode: 0o755 });
  const url = `cut::${ada.url('app').replace('alknet://', '')}`;
  const path = { PATH: `${ada.home}:${join(node.directory, 'bin')}:${process.env['PATH']}` };
  const { code } = await ada.try(['push', url, 'main'], { cwd: work, env: path });
  assert.notEqual(code, 0);
  await eventually('git has ended', () => processesOn(node).length === 0);
  assert.equal(await node.refs('app'), before);
  // What a killed git has left is cleared up when it is gone.
  await eventually('nothing is left', async () => (await node.leftovers('app')).length === 0);
  await ada.git(['push', '--quiet', 'origin', 'main'], { cwd: work });
});

test('two pushes that race for one ref: one wins, the other is told, nothing is lost', async (t) => {
  const { node, ada } = await started(t);
  const clones = await Promise.all(
    [1, 2, 3, 4].map(async (n) => {
      await ada.git(['clone', '--quiet', ada.url('app'), `copy-${n}`]);
      const cwd = join(ada.home, `copy-${n}`);
      await ada.git(['commit', '--quiet', '--allow-empty', '-m', `of ${n}`], { cwd });
      return cwd;
    }),
  );
  const ran = await Promise.all(clones.map((cwd) => ada.try(['push', 'origin', 'main'], { cwd })));
  assert.equal(ran.filter(({ code }) => code === 0).length, 1);
  const winner = clones[ran.findIndex(({ code }) => code === 0)] ?? '';
  assert.equal(
    (await node.refs('app')).split(' ')[0],
    (await ada.git(['rev-parse', 'HEAD'], { cwd: winner })).trim(),
  );
  assert.deepEqual(await node.leftovers('app'), []);
});

test('GIT-20 a hook or config file planted inside a repository is never run or obeyed', async (t) => {
  const { node, ada, work } = await started(t);
  const marker = join(node.directory, 'ran');
  const script = `#!/bin/sh\ntouch ${marker}\n`;
  const repository = join(node.root, 'app.git');
  await mkdir(join(repository, 'hooks'));
  const hooks = [
    'pre-receive',
    'update',
    'post-receive',
    'post-update',
    'reference-transaction',
    'proc-receive',
  ];
  for (const hook of hooks) await writeFile(join(repository, 'hooks', hook), script, { mode: 0o755 });
  await ada.git(['push', '--quiet', 'origin', 'main:hooked'], { cwd: work });
  await ada.git(['clone', '--quiet', ada.url('app'), 'copy']);
  const config = await readFile(join(repository, 'config'), 'utf8');
  const program = join(node.directory, 'program');
  await writeFile(program, script, { mode: 0o755 });
  const planted = [
    `[uploadpack]\n\tpackObjectsHook = ${program}\n`,
    `[core]\n\talternateRefsCommand = ${program}\n`,
    `[tar "x"]\n\tcommand = ${program}\n\tremote = true\n`,
    `[include]\n\tpath = ${program}\n`,
    `[extensions]\n\tworktreeConfig = true\n`,
    `[remote "origin"]\n\tpromisor = true\n`,
    `[transfer]\n\thideRefs = !refs/alknet\n[gc]\n\tauto = 1\n[receive]\n\tdenyDeletes = false\n`,
    'no config at all',
  ];
  for (const text of planted) {
    await writeFile(join(repository, 'config'), `${config}${text}`);
    const cloned = await ada.try(['ls-remote', ada.url('app')]);
    const overridden = text.startsWith('[transfer]');
    assert.equal(cloned.code === 0, overridden, text);
    if (!overridden) assert.match(cloned.stderr, /repository not found: app/);
  }
  await writeFile(join(repository, 'config'), config);
  for (const [path, text] of [
    ['objects/info/alternates', '/tmp\n'],
    ['config.worktree', ''],
    ['commondir', '..\n'],
    ['info/grafts', ''],
  ] as const) {
    await mkdir(join(repository, 'info'), { recursive: true });
    await mkdir(join(repository, 'objects', 'info'), { recursive: true });
    await writeFile(join(repository, path), text);
    assert.match((await ada.try(['ls-remote', ada.url('app')])).stderr, /repository not found/, path);
    await rename(join(repository, path), join(node.directory, 'aside'));
  }
  assert.equal((await ada.try(['ls-remote', ada.url('app')])).code, 0);
  await assert.rejects(readFile(marker), { code: 'ENOENT' });
  assert.ok(node.log().some((row) => String(row['fault']).includes('uploadpack.packobjectshook')));
});

test("GIT-21 variables of the daemon's environment do not reach git", async (t) => {
  const directory = (await realNode(t)).directory;
  const seen = join(directory, 'seen');
  const wrapper = join(directory, 'git');
  await writeFile(
    wrapper,
    `#!/bin/sh\nenv > ${seen}.$$\ncase "$1" in --version) ;; *) mv ${seen}.$$ ${seen}-$(date +%N) ;; esac\nexec /usr/bin/git "$@"\n`,
  );
  await chmod(wrapper, 0o755);
  const planted = {
    GIT_DIR: '/nowhere',
    GIT_CONFIG_PARAMETERS: "'core.hooksPath=/nowhere'",
    GIT_CONFIG_GLOBAL: '/nowhere/config',
    GIT_SSH_COMMAND: 'false',
    GIT_TRACE: `${directory}/trace`,
    GIT_OBJECT_DIRECTORY: '/nowhere',
    SECRET_TOKEN: 'hunter2',
    LD_LIBRARY_PATH: '/nowhere',
  };
  const saved = { ...process.env };
  Object.assign(process.env, planted);
  t.after(() => {
    for (const name of Object.keys(planted)) {
      if (saved[name] === undefined) delete process.env[name];
      else process.env[name] = saved[name];
    }
  });
  const node = await realNode(t, { program: wrapper, ...pushing });
  const ada = await node.client('ada', all);
  await ada.call('git/create', { name: 'app' });
  const work = await ada.work('app');
  await ada.git(['push', '--quiet', 'origin', 'main'], { cwd: work });
  await ada.git(['ls-remote', ada.url('app')]);
  const files = (await readdir(directory)).filter((name) => name.startsWith('seen-'));
  const runs = await Promise.all(files.map((name) => readFile(join(directory, name), 'utf8')));
  assert.ok(runs.length >= 3);
  const allowed =
    /^(?:PATH|HOME|XDG_CONFIG_HOME|LC_ALL|GIT_CONFIG_(?:NOSYSTEM|COUNT|KEY_\d+|VALUE_\d+)|GIT_CONFIG_GLOBAL=\/dev\/null|GIT_ATTR_NOSYSTEM|GIT_TERMINAL_PROMPT|GIT_OPTIONAL_LOCKS|GIT_PROTOCOL|ALKNET_GIT_(?:POLICY|NOTIFY)|PWD|_|SHLVL|OLDPWD)(?:=|$)/;
  // Set by git for what it starts itself: its hooks and their git.
  const ofGit =
    /^(?:GIT_DIR=\.|GIT_(?:QUARANTINE_PATH|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES)=(?:.*app\.git)|GIT_EXEC_PATH|GIT_PUSH_OPTION_COUNT|GIT_PREFIX|GIT_INTERNAL)/;
  for (const text of runs) {
    for (const row of text.split('\n').filter((each) => each !== ''))
      assert.ok(allowed.test(row) || ofGit.test(row), row);
  }
});

test('GIT-23 a push that stalls is ended at the idle limit', async (t) => {
  const { node, ada } = await started(t, { push: { enabled: true, idleTimeout: '300ms' } });
  const connection = await ada.dial();
  t.after(() => connection.close());
  const stream = await open(connection, line('git-receive-pack /app.git\0'));
  const begun = performance.now();
  const text = await answer(stream);
  assert.match(text, /refs\/heads\/main/);
  const took = performance.now() - begun;
  assert.ok(took >= 300 && took < 10_000, `${took} ms`);
  await eventually('git has ended', () => processesOn(node).length === 0);
  await eventually('nothing is left', async () => (await node.leftovers('app')).length === 0);
  // A long one that never stalls is ended too.
  await node.configure({ push: { enabled: true, timeout: '500ms' } });
  const slow = await open(connection, line('git-receive-pack /app.git\0'));
  await answer(slow);
  await eventually('git has ended', () => processesOn(node).length === 0);
});

test('a client that says nothing, or never reads, holds nothing for longer than the limits', async (t) => {
  const { node, ada } = await started(t, { ...pushing, idleTimeout: '1s' });
  const connection = await ada.dial();
  t.after(() => connection.close());
  const silent = await open(connection, line('git-upload-pack /app.git\0'));
  await answer(silent);
  await eventually('git has ended', () => processesOn(node).length === 0);
});

for (const transport of ['quic', 'tls'] as const) {
  test(`what a slow client has not read when git ends on the node still comes to it whole, over ${transport}`, async (t) => {
    const { node, ada, work } = await started(t);
    // All of it finds room on the way.
    const size = 600_000;
    await writeFile(join(work, 'large'), randomBytes(size));
    await ada.git(['add', '.'], { cwd: work });
    await ada.git(['commit', '--quiet', '-m', 'large'], { cwd: work });
    await ada.git(['push', '--quiet', 'origin', 'main'], { cwd: work });
    const head = (await ada.git(['rev-parse', 'main'], { cwd: work })).trim();
    const connection = await ada.dial(transport);
    t.after(() => connection.close());
    const stream = await open(connection, line('git-upload-pack /app.git\0\0version=2\0'));
    const lines = [
      line('command=fetch'),
      '0001',
      line('no-progress\n'),
      line(`want ${head}\n`),
      line('done\n'),
      '0000',
    ];
    stream.end(Buffer.concat(lines.map((part) => Buffer.from(part))));
    await eventually('git has begun', () => processesOn(node).length > 0);
    await eventually('git has ended', () => processesOn(node).length === 0);
    const pack = packIn(Buffer.from(await answer(stream), 'latin1'));
    assert.ok(pack.length > size, `${pack.length} bytes`);
    // gitformat-pack(5): the last 20 bytes are the checksum of all that is before them.
    const sum = createHash('sha1').update(pack.subarray(0, -20)).digest('hex');
    assert.equal(pack.subarray(-20).toString('hex'), sum);
    assert.ok(stream.readableEnded, 'an end, and no reset');
  });
}

/** Of an answer to a fetch of protocol 2: band 1, after the line `packfile`, up to the flush at the very end. */
function packIn(answer: Buffer): Buffer {
  const parts: Buffer[] = [];
  let at = answer.indexOf('000dpackfile\n') + 13;
  for (;;) {
    const length = Number.parseInt(answer.subarray(at, at + 4).toString('latin1'), 16);
    if (length === 0) break;
    assert.ok(length > 5 && at + length <= answer.length, `cut off at ${at} of ${answer.length}`);
    if (answer[at + 4] === 1) parts.push(answer.subarray(at + 5, at + length));
    at += length;
  }
  assert.equal(at + 4, answer.length);
  return Buffer.concat(parts);
}

test('GIT-30 the ninth concurrent run of one identity waits and then gets busy', async (t) => {
  const { node, ada } = await started(t);
  const bob = await node.client('bob', ['git:read:**']);
  const connection = await ada.dial();
  t.after(() => connection.close());
  const held = await Promise.all(
    Array.from({ length: 8 }, () => open(connection, line('git-upload-pack /app.git\0\0version=2\0'))),
  );
  await Promise.all(held.map((stream) => answer(stream, 18)));
  assert.equal(processesOn(node).length, 8);
  const begun = performance.now();
  const ninth = answer(await open(connection, line('git-upload-pack /app.git\0')));
  // Another identity has its own.
  assert.equal((await bob.try(['ls-remote', bob.url('app')])).code, 0);
  assert.equal(await ninth, '0017ERR busy, try again');
  assert.ok(performance.now() - begun >= 9_900);
  const tenth = open(connection, line('git-upload-pack /app.git\0\0version=2\0'));
  held[0]?.destroy();
  assert.match(await answer(await tenth, 18), /^000eversion 2\n/);
});

test('a flood of sessions starts no more processes than the limits say, and the node stays up', async (t) => {
  const { node, ada } = await started(t, { ...pushing, maxProcesses: { total: 4, perIdentity: 3 } });
  const connection = await ada.dial();
  const streams = await Promise.all(
    Array.from({ length: 60 }, () => open(connection, line('git-upload-pack /app.git\0'))),
  );
  let most = 0;
  await eventually('three run', () => {
    most = Math.max(most, processesOn(node).length);
    return most === 3;
  });
  assert.equal(processesOn(node).length, 3);
  for (const stream of streams) stream.destroy();
  connection.close();
  await eventually('all have ended', () => processesOn(node).length === 0);
  await ada.git(['clone', '--quiet', ada.url('app'), 'copy']);
});

test('GIT-33 git/log with a ref of --output=x gives an error and writes no file', async (t) => {
  const { node, ada } = await started(t);
  const before = await readdir(join(node.root, 'app.git'));
  for (const ref of [
    '--output=x',
    '--output=/tmp/x',
    '-p',
    '--all',
    'HEAD~1',
    '@{-1}',
    ':/commit',
    'main..main',
    'x y',
  ])
    await assert.rejects(ada.call('git/log', { name: 'app', ref }), { code: 'REF_NOT_FOUND' }, ref);
  for (const after of ['--output=x', `${'1'.repeat(40)}.1 --all`, 'main'])
    await assert.rejects(ada.call('git/log', { name: 'app', after }), { code: 'INVALID_INPUT' }, after);
  for (const path of ['../x', '/etc/passwd', 'a\0b'])
    await assert.rejects(ada.call('git/log', { name: 'app', path }), { code: 'INVALID_INPUT' }, path);
  // A path is a path, whatever it looks like.
  assert.deepEqual(await ada.call('git/log', { name: 'app', path: '--output=x' }), { commits: [] });
  assert.deepEqual(await ada.call('git/log', { name: 'app', path: ':(glob)**' }), { commits: [] });
  assert.deepEqual(await readdir(join(node.root, 'app.git')), before);
  await assert.rejects(readFile(join(process.cwd(), 'x')), { code: 'ENOENT' });
});

/** Processes of git that serve repositories of this node, by their arguments. */
function processesOn(node: Node): string[] {
  const output = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' });
  return output.split('\n').filter((row) => row.includes(node.root) && /(?:upload|receive)-pack/.test(row));
}

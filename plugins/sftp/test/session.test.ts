import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { OpenFlag, SftpClient } from '../src/client/client.ts';
import {
  encodePacket,
  maxData,
  PacketType,
  readLimits,
  readTwoStrings,
  StatusCode,
  writeCopyData,
  writeString,
  writeTwoStrings,
} from '../src/codec/index.ts';
import { frame, hasStatus, openBelow, peer, served } from './support.ts';

const run = promisify(execFile);
const { READ, WRITE, CREAT, TRUNC, EXCL, APPEND } = OpenFlag;
const none = Buffer.alloc(0);

test('SFTP-04 an unparsable packet is answered BAD_MESSAGE and the session goes on', async (t) => {
  const here = await served(t);
  const client = await here.raw();
  // STAT of a path that is longer than the packet, one without an id, one with bytes behind it.
  const cases: [string, number][] = [
    ['1100000007000000ff61', 7],
    ['1100', 0],
    ['11000000080000000161ff', 8],
    ['0900000009000000016100000040', 9],
  ];
  for (const [hex, id] of cases) {
    client.send(frame(Buffer.from(hex, 'hex')));
    const answer = await client.next();
    assert(answer?.type === PacketType.STATUS);
    assert.deepEqual([answer.code, answer.id], [StatusCode.BAD_MESSAGE, id]);
    assert.equal(answer.language.toString(), 'en-US');
  }
  const init = encodePacket({ type: PacketType.INIT, version: 3, extensions: [] });
  assert.equal(await client.status(init), StatusCode.BAD_MESSAGE);
  const attributes = {};
  for (const flags of [0, CREAT, READ | EXCL, READ | TRUNC]) {
    const path = Buffer.from('x');
    assert.equal(
      await client.status({ type: PacketType.OPEN, id: 1, path, flags, attributes }),
      StatusCode.BAD_MESSAGE,
    );
  }
  client.send({ type: PacketType.REALPATH, id: 10, path: Buffer.from('.') });
  assert.equal((await client.next())?.type, PacketType.NAME);
});

test('SFTP-05 an unimplemented request or extension is answered OP_UNSUPPORTED', async (t) => {
  const here = await served(t);
  const client = await here.raw();
  for (const type of [0, 21, 99, PacketType.STATUS, PacketType.DATA, 202, 255]) {
    client.send(frame(Buffer.from([type, 0, 0, 0, 5, ...Array(8).fill(0)])));
    const answer = await client.next();
    assert(answer?.type === PacketType.STATUS, `type ${type}`);
    assert.equal(answer.id, 5);
    // Bytes of a known answer that do not fit it are malformed before they are unwanted.
    const isKnown = type === PacketType.STATUS || type === PacketType.DATA;
    assert.equal(answer.code, isKnown ? StatusCode.BAD_MESSAGE : StatusCode.OP_UNSUPPORTED, `type ${type}`);
  }
  const data = { type: PacketType.DATA, id: 6, data: none };
  assert.equal(await client.status(data), StatusCode.OP_UNSUPPORTED);
  const extended = { type: PacketType.EXTENDED, id: 7, request: Buffer.from('vendor-id'), data: none };
  assert.equal(await client.status(extended), StatusCode.OP_UNSUPPORTED);
});

test('SFTP-06 a declared length above the limit closes the stream before the body is read', async (t) => {
  const here = await served(t);
  for (const length of [262_145, 0xffffffff, 0]) {
    const client = await here.raw();
    client.send(frame(Buffer.from([PacketType.STAT]), length));
    assert.equal(await client.next(), undefined);
  }
  // Of the largest size that is allowed it is read to its end, and answered.
  const client = await here.raw();
  const path = Buffer.alloc(262_144 - 9, 'a');
  assert.equal(await client.status({ type: PacketType.STAT, id: 1, path }), StatusCode.BAD_MESSAGE);
});

test('a session begins with INIT of version 3 or later, or ends without a word', async (t) => {
  const here = await served(t);
  for (const first of [
    encodePacket({ type: PacketType.INIT, version: 2, extensions: [] }),
    encodePacket({ type: PacketType.STAT, id: 1, path: Buffer.from('/') }),
    frame(Buffer.from([PacketType.INIT])),
  ]) {
    const stream = await here.stream();
    stream.write(first);
    let received = 0;
    stream.on('data', (chunk: Buffer) => {
      received += chunk.length;
    });
    await new Promise((resolve) => stream.once('end', resolve));
    assert.equal(received, 0);
    stream.destroy();
  }
  const stream = await here.stream();
  const extensions = [[Buffer.from('newline@vandyke.com'), Buffer.from('\n')]] as const;
  stream.write(encodePacket({ type: PacketType.INIT, version: 6, extensions }));
  const [chunk] = (await new Promise((resolve) => stream.once('data', (data) => resolve([data])))) as [
    Buffer,
  ];
  assert.equal(chunk.readUInt32BE(5), 3);
  stream.destroy();
});

test('SFTP-07 out-of-order pipelined writes give the same file as ordered ones', async (t) => {
  const here = await served(t);
  const client = await here.client();
  const whole = Buffer.from(Array.from({ length: 100_000 }, (_, n) => (n * 7919) & 0xff));
  const offsets = Array.from({ length: 100 }, (_, n) => n * 1000);
  // Fixed, and far from the order.
  offsets.sort((one, two) => ((one * 31) % 97) - ((two * 31) % 97));
  const handle = await client.open('out-of-order', WRITE | CREAT | TRUNC);
  await Promise.all(offsets.map((at) => client.write(handle, at, whole.subarray(at, at + 1000))));
  await client.close(handle);
  assert.deepEqual(await readFile(join(here.share, 'out-of-order')), whole);
});

test('SFTP-08 READDIR ends with EOF and returns each of 10,000 entries once', async (t) => {
  const here = await served(t);
  await mkdir(join(here.share, 'many'));
  const names = Array.from({ length: 10_000 }, (_, n) => `entry-${n}`);
  for (let n = 0; n < names.length; n += 500)
    await Promise.all(names.slice(n, n + 500).map((name) => writeFile(join(here.share, 'many', name), '')));
  const client = await here.client();
  const handle = await client.openDirectory('many');
  const told: string[] = [];
  // Pipelined: four at a time, as some clients do.
  for (let more = true; more; ) {
    const answers = await Promise.all([1, 2, 3, 4].map(() => client.readDirectory(handle)));
    for (const answer of answers) {
      assert((answer?.length ?? 0) <= 128);
      if (answer === undefined) more = false;
      else told.push(...answer.map(({ name }) => name.toString()));
    }
  }
  assert.equal(await client.readDirectory(handle), undefined);
  await client.close(handle);
  assert.deepEqual(told.sort(), ['.', '..', ...names].sort());
});

test('SFTP-09 a read at or past the end gives EOF', async (t) => {
  const here = await served(t);
  await writeFile(join(here.share, 'f'), '0123456789');
  await writeFile(join(here.share, 'empty'), '');
  const client = await here.client();
  const handle = await client.open('f', READ);
  assert.equal((await client.read(handle, 0, 100))?.toString(), '0123456789');
  assert.equal((await client.read(handle, 9, 100))?.toString(), '9');
  assert.equal(await client.read(handle, 10, 1), undefined);
  assert.equal(await client.read(handle, 2 ** 52, 1), undefined);
  // Nothing asked, nothing given: no end is met.
  assert.equal((await client.read(handle, 0, 0))?.length, 0);
  const empty = await client.open('empty', READ);
  assert.equal(await client.read(empty, 0, 100), undefined);
});

test('a read gives all that was asked up to 261120 bytes, also of a file that grew since it was opened', async (t) => {
  const here = await served(t);
  const path = join(here.share, 'grows');
  await writeFile(path, 'small');
  const client = await here.client();
  const handle = await client.open('grows', READ);
  await writeFile(path, Buffer.alloc(300_000, 'x'));
  assert.equal((await client.read(handle, 0, 300_000))?.length, maxData);
  assert.equal((await client.read(handle, 100, 1_000))?.length, 1_000);
  assert.equal((await client.read(handle, 290_000, 0xffffffff))?.length, 10_000);
});

test('SFTP-10 CLOSE of an unknown handle fails cleanly', async (t) => {
  const here = await served(t);
  await writeFile(join(here.share, 'f'), '');
  const client = await here.client();
  const handle = await client.open('f', READ);
  await client.close(handle);
  for (const name of [handle, none, Buffer.alloc(16), Buffer.alloc(256, 1)])
    await assert.rejects(client.close(name), { code: StatusCode.FAILURE, message: 'invalid handle' });
  const directory = await client.openDirectory('/');
  // A handle of the wrong kind is as invalid.
  await assert.rejects(client.read(directory, 0, 1), { message: 'invalid handle' });
  await client.close(directory);
  assert.equal((await client.realPath('.')).toString(), '/share');
});

test('SFTP-12 a handle of one session is invalid in another', async (t) => {
  const here = await served(t);
  await writeFile(join(here.share, 'f'), 'secret');
  const [one, two] = [await here.client(), await here.client()];
  const handle = await one.open('f', READ | WRITE);
  assert.equal(handle.length, 16);
  await assert.rejects(two.read(handle, 0, 6), { message: 'invalid handle' });
  await assert.rejects(two.write(handle, 0, Buffer.from('x')), { message: 'invalid handle' });
  await assert.rejects(two.close(handle), { message: 'invalid handle' });
  assert.equal((await one.read(handle, 0, 6))?.toString(), 'secret');
});

test('SFTP-13 offsets above 2^53 - 1 are refused and change nothing', async (t) => {
  const here = await served(t);
  const path = join(here.share, 'f');
  await writeFile(path, 'unchanged');
  const client = await here.client();
  const handle = await client.open('f', READ | WRITE);
  const isFailure = hasStatus(StatusCode.FAILURE);
  for (const offset of [2n ** 53n, 2n ** 53n - 1n, 2n ** 63n, 2n ** 64n - 1n]) {
    const write = { type: PacketType.WRITE, handle, offset, data: Buffer.from('xx') } as const;
    await assert.rejects(client.request(write), isFailure);
    const size = { type: PacketType.FSETSTAT, handle, attributes: { size: offset + 1n } } as const;
    if (offset < 2n ** 64n - 1n) await assert.rejects(client.request(size), isFailure);
  }
  await assert.rejects(
    client.request({ type: PacketType.READ, handle, offset: 2n ** 53n, length: 1 }),
    isFailure,
  );
  await assert.rejects(client.setAttributes('f', { size: 2n ** 53n }), isFailure);
  const copy = { from: handle, offset: 2n ** 53n, length: 1n, to: handle, toOffset: 0n };
  await assert.rejects(client.extended('copy-data', writeCopyData(copy)), isFailure);
  assert.equal(await readFile(path, 'utf8'), 'unchanged');
});

test('SFTP-17 a WRITE, then a READ pipelined behind it on one handle, returns the written bytes', async (t) => {
  const here = await served(t);
  const client = await here.client();
  const handle = await client.open('f', READ | WRITE | CREAT);
  for (let round = 0; round < 50; round++) {
    const data = Buffer.alloc(100_000, round);
    const written = client.write(handle, 0, data);
    const read = client.read(handle, 0, data.length);
    const shrunk = client.request({ type: PacketType.FSETSTAT, handle, attributes: { size: 10n } });
    const told = client.fstat(handle);
    const closed = round === 49 ? client.close(handle) : undefined;
    await written;
    assert.deepEqual(await read, data);
    await shrunk;
    assert.equal((await told).size, 10n);
    await closed;
  }
});

test('what is sent behind a CLOSE or a change of the tree meets its effect', async (t) => {
  const here = await served(t);
  const client = await here.raw();
  const path = (name: string) => Buffer.from(name);
  const attributes = {};
  client.send(
    { type: PacketType.MKDIR, id: 1, path: path('d'), attributes },
    { type: PacketType.STAT, id: 2, path: path('d') },
    { type: PacketType.OPEN, id: 3, path: path('d/f'), flags: WRITE | CREAT, attributes },
    { type: PacketType.STAT, id: 4, path: path('d/f') },
    { type: PacketType.RENAME, id: 5, oldPath: path('d/f'), newPath: path('d/g') },
    { type: PacketType.REMOVE, id: 6, path: path('d/g') },
    { type: PacketType.RMDIR, id: 7, path: path('d') },
    { type: PacketType.STAT, id: 8, path: path('d') },
  );
  const answers = await client.answers(8);
  const codes = [1, 5, 6, 7, 8].map((id) => {
    const answer = answers.get(id);
    return answer?.type === PacketType.STATUS ? answer.code : undefined;
  });
  assert.deepEqual(codes, [0, 0, 0, 0, StatusCode.NO_SUCH_FILE]);
  assert.equal(answers.get(2)?.type, PacketType.ATTRS);
  assert.equal(answers.get(3)?.type, PacketType.HANDLE);
  assert.equal(answers.get(4)?.type, PacketType.ATTRS);
});

test('what was asked before a proper end of the stream is answered still', async (t) => {
  const here = await served(t);
  const client = await here.raw();
  for (let id = 0; id < 300; id++) client.send({ type: PacketType.STAT, id, path: Buffer.from('.') });
  client.stream.end();
  assert.equal((await client.answers(300)).size, 300);
  assert.equal(await client.next(), undefined);
});

test('with APPEND data goes to the end, whatever the offset says', async (t) => {
  const here = await served(t);
  await writeFile(join(here.share, 'log'), 'one ');
  const client = await here.client();
  const handle = await client.open('log', WRITE | APPEND);
  await Promise.all(['two ', 'three'].map((text) => client.write(handle, 0, Buffer.from(text))));
  await client.close(handle);
  assert.equal(await readFile(join(here.share, 'log'), 'utf8'), 'one two three');
});

test('writing beyond the end leaves a hole of zeros, and more than 261120 bytes at once are refused', async (t) => {
  const here = await served(t);
  const client = await here.client();
  const handle = await client.open('holes', WRITE | CREAT | EXCL);
  await client.write(handle, 5, Buffer.from('x'));
  await assert.rejects(client.write(handle, 0, Buffer.alloc(maxData + 1)), hasStatus(StatusCode.BAD_MESSAGE));
  assert.deepEqual(await readFile(join(here.share, 'holes')), Buffer.from('\0\0\0\0\0x'));
  await assert.rejects(client.open('holes', WRITE | CREAT | EXCL), { message: 'file exists' });
});

test('SFTP-18 RENAME onto an existing file fails; posix-rename replaces it', async (t) => {
  const here = await served(t);
  await writeFile(join(here.share, 'a'), 'a');
  await writeFile(join(here.share, 'b'), 'b');
  await mkdir(join(here.share, 'd'));
  await mkdir(join(here.share, 'e'));
  const client = await here.client();
  for (const [from, to] of [
    ['a', 'b'],
    ['a', 'd'],
    ['d', 'e'],
    ['d', 'b'],
    ['a', 'a'],
  ] as const)
    await assert.rejects(client.rename(from, to), { code: StatusCode.FAILURE, message: 'file exists' });
  assert.equal(await readFile(join(here.share, 'b'), 'utf8'), 'b');
  await client.rename('a', 'd/a');
  await client.rename('d', 'moved');
  await symlink('a', join(here.share, 'moved', 'l'));
  await client.rename('moved/l', 'moved/k');
  assert((await lstat(join(here.share, 'moved/k'))).isSymbolicLink());
  await client.replace('moved/a', 'b');
  assert.equal(await readFile(join(here.share, 'b'), 'utf8'), 'a');
});

test('SFTP-19 fsync, statvfs, hardlink, limits, copy-data, lsetstat and expand-path answer as specified', async (t) => {
  const here = await served(t);
  const client = await here.client();
  assert.deepEqual(Object.fromEntries(client.extensions), {
    'posix-rename@openssh.com': '1',
    'statvfs@openssh.com': '2',
    'fstatvfs@openssh.com': '2',
    'hardlink@openssh.com': '1',
    'fsync@openssh.com': '1',
    'lsetstat@openssh.com': '1',
    'limits@openssh.com': '1',
    'expand-path@openssh.com': '1',
    'home-directory': '1',
    'users-groups-by-id@openssh.com': '1',
    'copy-data': '1',
  });
  const limits = readLimits(await client.extended('limits@openssh.com', none));
  assert.deepEqual(limits, {
    maxPacket: 262_144n,
    maxRead: 261_120n,
    maxWrite: 261_120n,
    maxHandles: 256n,
  });

  await writeFile(join(here.share, 'f'), '0123456789');
  const handle = await client.open('f', READ | WRITE);
  await client.sync(handle);

  const facts = await run('stat', ['-f', '-c', '%s %b %c', here.share]);
  const [bsize, blocks, files] = facts.stdout.trim().split(' ').map(BigInt);
  for (const data of [
    await client.extended('statvfs@openssh.com', writeString(Buffer.from('/'))),
    await client.extended('statvfs@openssh.com', writeString(Buffer.from('f'))),
    await client.extended('fstatvfs@openssh.com', writeString(handle)),
  ]) {
    assert.equal(data.length, 88);
    const number = (n: number) => data.readBigUInt64BE(8 * n);
    assert.deepEqual([number(0), number(1), number(2), number(5)], [bsize, bsize, blocks, files]);
    assert.deepEqual([number(7), number(8), number(9), number(10)], [number(6), 0n, 2n, 255n]);
  }

  await client.makeHardLink('f', 'g');
  assert.equal((await stat(join(here.share, 'g'))).nlink, 2);
  await assert.rejects(client.makeHardLink('f', 'g'), { message: 'file exists' });
  await mkdir(join(here.share, 'd'));
  await assert.rejects(client.makeHardLink('d', 'h'), hasStatus(StatusCode.FAILURE));

  const copy = (offset: bigint, length: bigint, to: Buffer, toOffset: bigint) =>
    client.extended('copy-data', writeCopyData({ from: handle, offset, length, to, toOffset }));
  const target = await client.open('copy', READ | WRITE | CREAT);
  await copy(2n, 5n, target, 1n);
  assert.deepEqual(await readFile(join(here.share, 'copy')), Buffer.from('\x0023456'));
  await copy(0n, 0n, target, 0n);
  assert.equal(await readFile(join(here.share, 'copy'), 'utf8'), '0123456789');
  await assert.rejects(copy(0n, 5n, handle, 3n), hasStatus(StatusCode.FAILURE));
  // The same file by another handle, and by another name, is the same file.
  const again = await client.open('g', WRITE);
  await assert.rejects(copy(0n, 0n, again, 3n), hasStatus(StatusCode.FAILURE));
  await copy(0n, 3n, handle, 7n);
  assert.equal(await readFile(join(here.share, 'f'), 'utf8'), '0123456012');

  await symlink('f', join(here.share, 'l'));
  await client.setAttributesOfLink('l', { times: { atime: 1000, mtime: 2000 } });
  assert.equal((await lstat(join(here.share, 'l'))).mtimeMs, 2_000_000);
  assert.notEqual((await stat(join(here.share, 'f'))).mtimeMs, 2_000_000);
  await assert.rejects(
    client.setAttributesOfLink('l', { permissions: 0o600 }),
    hasStatus(StatusCode.OP_UNSUPPORTED),
  );

  const path = async (name: string, text: string) => {
    const answer = await client.request({
      type: PacketType.EXTENDED,
      request: Buffer.from(name),
      data: writeString(Buffer.from(text)),
    });
    assert(answer.type === PacketType.NAME);
    return answer.names[0]?.name.toString();
  };
  assert.equal(await path('expand-path@openssh.com', '~'), '/share');
  assert.equal(await path('expand-path@openssh.com', '~/a/../b'), '/share/b');
  assert.equal(await path('expand-path@openssh.com', 'a'), '/share/a');
  assert.equal(await path('expand-path@openssh.com', '~/../../..'), '/');
  await assert.rejects(path('expand-path@openssh.com', '~root/x'), hasStatus(StatusCode.FAILURE));
  assert.equal(await path('home-directory', 'anybody'), '/share');
  const ids = writeTwoStrings(Buffer.alloc(8), Buffer.alloc(4));
  const [users, groups] = readTwoStrings(await client.extended('users-groups-by-id@openssh.com', ids));
  assert.deepEqual([users, groups], [Buffer.alloc(8), Buffer.alloc(4)]);
});

test('SFTP-22 opening a FIFO returns at once with a failure', async (t) => {
  const here = await served(t);
  await run('mkfifo', [join(here.share, 'fifo')]);
  const client = await here.client();
  for (const flags of [READ, WRITE, READ | WRITE, WRITE | TRUNC])
    await assert.rejects(client.open('fifo', flags), hasStatus(StatusCode.FAILURE));
  await mkdir(join(here.share, 'd'));
  for (const flags of [READ, WRITE])
    await assert.rejects(client.open('d', flags), hasStatus(StatusCode.FAILURE));
  assert.deepEqual(openBelow(here.folder), [here.share]);
});

test('SFTP-23 set-id bits are never set', async (t) => {
  const here = await served(t);
  const client = await here.client();
  const mode = async (name: string) => (await stat(join(here.share, name))).mode & 0o7777;
  const mask = process.umask();
  const handle = await client.open('f', WRITE | CREAT, { permissions: 0o107777 });
  assert.equal(await mode('f'), 0o777 & ~mask);
  await client.setAttributes('f', { permissions: 0o104755 });
  assert.equal(await mode('f'), 0o755);
  await client.request({
    type: PacketType.FSETSTAT,
    handle,
    attributes: { permissions: 0o106711 },
  });
  assert.equal(await mode('f'), 0o711);
  await client.makeDirectory('d', { permissions: 0o43777 });
  assert.equal(await mode('d'), 0o777 & ~mask);
  await client.setAttributesOfLink('d', { permissions: 0o1750 });
  assert.equal(await mode('d'), 0o750);
  const plain = await client.open('g', WRITE | CREAT);
  await client.close(plain);
  assert.equal(await mode('g'), 0o666 & ~mask);
});

test('uid and gid are changed only where the operator allows it', async (t) => {
  const here = await served(t);
  await writeFile(join(here.share, 'f'), '');
  const { uid, gid } = await stat(join(here.share, 'f'));
  const client = await here.client();
  await client.setAttributes('f', { owner: { uid, gid }, permissions: 0o640 });
  await assert.rejects(
    client.setAttributes('f', { owner: { uid: uid + 1, gid }, permissions: 0o600, size: 9n }),
    hasStatus(StatusCode.PERMISSION_DENIED),
  );
  const found = await stat(join(here.share, 'f'));
  assert.deepEqual([found.uid, found.mode & 0o777, found.size], [uid, 0o640, 0]);
});

test('SFTP-24 a file name that is not UTF-8 can be listed, read and removed', async (t) => {
  const here = await served(t);
  const names = [
    Buffer.from([0xff, 0xfe, 0x41]),
    Buffer.from([0xc3, 0x28]),
    // é in two spellings: two files, and neither is made the other.
    Buffer.from('é'.normalize('NFC')),
    Buffer.from('é'.normalize('NFD')),
    Buffer.from('CaSe'),
    Buffer.from('case'),
    Buffer.from('a\\b\n"$(x)'),
  ];
  const client = await here.client();
  for (const [n, name] of names.entries()) {
    const handle = await client.open(name, WRITE | CREAT | EXCL);
    await client.write(handle, 0, Buffer.from([n]));
    await client.close(handle);
  }
  const onDisk = await readdir(here.share, { encoding: 'buffer' });
  const sorted = (all: readonly Buffer[]) => [...all].sort(Buffer.compare);
  assert.deepEqual(sorted(onDisk), sorted(names));
  assert.deepEqual(sorted((await client.list('.')).map(({ name }) => name)), sorted(names));
  for (const [n, name] of names.entries()) {
    const handle = await client.open(name, READ);
    assert.deepEqual(await client.read(handle, 0, 9), Buffer.from([n]));
    await client.close(handle);
    await client.remove(name);
  }
  assert.deepEqual(await readdir(here.share), []);
});

test('the long name is the line of ls -l', async (t) => {
  const here = await served(t);
  await writeFile(join(here.share, 'f'), 'x'.repeat(1234));
  await chmod(join(here.share, 'f'), 0o4751);
  const client = await here.client();
  const [entry] = await client.list('.');
  const { uid, gid } = await stat(join(here.share, 'f'));
  const line = `-rwsr-x--x    1 ${String(uid).padEnd(8)} ${String(gid).padEnd(8)}     1234 `;
  const longName = entry?.longName.toString() ?? '';
  assert.ok(longName.startsWith(line), longName);
  assert.match(longName.slice(line.length), /^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d f$/);
  await client.setAttributes('f', { times: { atime: 0, mtime: 86_400 } });
  const [old] = await client.list('.');
  assert.match(old?.longName.toString() ?? '', /Jan {2}[12] {2}1970 f$/);
});

test('at most maxHandles are open, and a closed one makes room', async (t) => {
  const here = await served(t, { maxHandles: 3 });
  await writeFile(join(here.share, 'f'), '');
  const client = await here.client();
  const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => client.open('f', READ)));
  const handles = outcomes.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  assert.equal(handles.length, 3);
  await assert.rejects(client.openDirectory('.'), {
    code: StatusCode.FAILURE,
    message: 'too many open handles',
  });
  await client.close(handles[0] ?? none);
  await client.openDirectory('.');
  // What fails to open takes no place.
  const other = await here.client();
  for (let n = 0; n < 5; n++)
    await assert.rejects(other.open('absent', READ), hasStatus(StatusCode.NO_SUCH_FILE));
  for (let n = 0; n < 3; n++) await other.open('f', READ);
});

test('a client that opens 10,000 handles gets 256, and the others are served', async (t) => {
  const here = await served(t);
  await writeFile(join(here.share, 'f'), 'x');
  const [greedy, modest] = [await here.client(), await here.client()];
  const outcomes = await Promise.allSettled(Array.from({ length: 10_000 }, () => greedy.open('f', READ)));
  assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 256);
  const handle = await modest.open('f', READ);
  assert.equal((await modest.read(handle, 0, 1))?.toString(), 'x');
  await greedy.end();
  await modest.end();
});

test('SFTP-29 a stream closed in the middle of a put leaves no open descriptor behind', async (t) => {
  const here = await served(t);
  for (let round = 0; round < 20; round++) {
    const stream = await here.stream();
    const client = await SftpClient.begin(stream);
    const handle = await client.open(`put-${round}`, WRITE | CREAT);
    const listing = client.openDirectory('.');
    const writes = Array.from({ length: 40 }, (_, n) =>
      client.write(handle, n * 50_000, Buffer.alloc(50_000)),
    );
    const opens = [1, 2, 3].map((n) => client.open(`other-${n}`, WRITE | CREAT));
    for (const each of [listing, ...writes, ...opens]) each.catch(() => {});
    if (round % 2 === 0) await writes[round];
    stream.destroy();
  }
  await here.sessions(0);
  assert.deepEqual(openBelow(here.folder), []);
});

test('SFTP-28 no error message holds a path of the host', async (t) => {
  const here = await served(t, { exports: [] });
  const client = await here.client(peer('ada', `inner:${here.share}:rw`));
  await writeFile(join(here.share, 'f'), '');
  await mkdir(join(here.share, 'd/e'), { recursive: true });
  await symlink(here.folder, join(here.share, 'out'));
  const messages: string[] = [];
  const failing = [
    () => client.stat('absent'),
    () => client.open('absent/x', READ),
    () => client.open('out/x', READ),
    () => client.open('d', WRITE),
    () => client.removeDirectory('d'),
    () => client.removeDirectory('f'),
    () => client.remove('d'),
    () => client.rename('f', 'd'),
    () => client.makeDirectory('f'),
    () => client.readLink('f'),
    () => client.list('f'),
    () => client.makeLink('/etc/passwd', 'x'),
    () => client.setAttributes('d', { size: 5n }),
    () => client.stat('x'.repeat(300)),
    () => client.stat('a\0b'),
    () => client.extended('statvfs@openssh.com', writeString(Buffer.from('absent'))),
  ];
  for (const each of failing) {
    await assert.rejects(each(), (error) => {
      assert(error instanceof Error);
      messages.push(error.message);
      return true;
    });
  }
  assert.equal(messages.length, failing.length);
  for (const message of messages) {
    assert.match(message, /^[a-z ]{2,30}$/);
    assert(!message.includes(here.folder));
  }
});

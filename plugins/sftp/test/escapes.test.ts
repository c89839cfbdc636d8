import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { link, mkdir, readdir, readFile, readlink, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { OpenFlag, type SftpClient, SftpError } from '../src/client/client.ts';
import { PacketType, StatusCode, writeString } from '../src/codec/index.ts';
import { hasStatus, openBelow, peer, type Served, served } from './support.ts';

const run = promisify(execFile);
const { READ, WRITE, CREAT, TRUNC } = OpenFlag;
const isDenied = hasStatus(StatusCode.PERMISSION_DENIED);

/** Every request that takes a path, on one that should lead nowhere. */
function attempts(client: SftpClient, path: string, inside: string): Record<string, () => Promise<unknown>> {
  return {
    'open to read': () => client.open(path, READ),
    'open to write': () => client.open(path, WRITE),
    'open to truncate': () => client.open(path, WRITE | TRUNC),
    'open to create': () => client.open(path, WRITE | CREAT),
    opendir: () => client.openDirectory(path),
    stat: () => client.stat(path),
    lstat: () => client.lstat(path),
    setstat: () => client.setAttributes(path, { permissions: 0o777, size: 0n }),
    lsetstat: () => client.setAttributesOfLink(path, { times: { atime: 1, mtime: 1 } }),
    remove: () => client.remove(path),
    mkdir: () => client.makeDirectory(path),
    rmdir: () => client.removeDirectory(path),
    readlink: () => client.readLink(path),
    'symlink at': () => client.makeLink('f', path),
    'rename from': () => client.rename(path, `${inside}/stolen`),
    'rename to': () => client.rename(`${inside}/f`, path),
    'replace from': () => client.replace(path, `${inside}/stolen`),
    'replace to': () => client.replace(`${inside}/f`, path),
    'hardlink from': () => client.makeHardLink(path, `${inside}/stolen`),
    'hardlink to': () => client.makeHardLink(`${inside}/f`, path),
    statvfs: () => client.extended('statvfs@openssh.com', writeString(Buffer.from(path))),
  };
}

/** All names, sizes, modes and times, so that a change of any is seen. */
async function snapshot(folder: string): Promise<string> {
  const { stdout } = await run('find', [folder, '-printf', '%P %y %m %s %T@ %n %l\n']);
  return stdout.split('\n').sort().join('\n');
}

async function withOutside(
  t: Parameters<typeof served>[0],
  config?: Record<string, unknown>,
): Promise<Served> {
  const here = await served(t, config);
  const { folder, share } = here;
  await mkdir(join(folder, 'outside'));
  await writeFile(join(folder, 'outside/secret'), 'secret');
  await mkdir(join(share, 'in'));
  await writeFile(join(share, 'in/f'), 'inside');
  return here;
}

test('SFTP-11 `..`, absolute paths and links lead out of an export for no request that takes a path', async (t) => {
  const here = await withOutside(t);
  const { folder, share } = here;
  await symlink('../outside', join(share, 'climbing'));
  await symlink(join(folder, 'outside'), join(share, 'absolute'));
  await symlink('in/../../outside', join(share, 'hidden'));
  await symlink('climbing', join(share, 'in/chain'));
  await symlink('../climbing', join(share, 'in/chain2'));
  await symlink('loop', join(share, 'loop'));
  await symlink('..', join(share, 'in/up'));
  await symlink('../outside/secret', join(share, 'to-file'));
  await symlink('../outside/new', join(share, 'to-new'));
  const client = await here.client();
  const before = await snapshot(join(folder, 'outside'));
  const paths = [
    '../outside/secret',
    '/share/../outside/secret',
    '/share/in/../../outside/secret',
    '/../../outside/secret',
    `${folder}/outside/secret`,
    '//share//..//outside/secret',
    `/share/in/../../../../../../../../../../..${folder}/outside/secret`,
    'climbing/secret',
    'absolute/secret',
    'hidden/secret',
    'in/chain/secret',
    'in/chain2/secret',
    'in/up/../outside/secret',
    'in/up/climbing/secret',
    'climbing/new',
    'absolute/new',
    'loop/secret',
  ];
  for (const path of paths) {
    for (const [what, attempt] of Object.entries(attempts(client, path, 'in'))) {
      await assert.rejects(attempt(), SftpError, `${what} of ${path}`);
    }
  }
  // Links as the last name are refused where they would be followed.
  for (const path of ['to-file', 'to-new', 'climbing', 'absolute']) {
    for (const what of [
      'open to read',
      'open to write',
      'open to truncate',
      'open to create',
      'opendir',
      'stat',
      'setstat',
      'statvfs',
    ]) {
      const attempt = attempts(client, path, 'in')[what];
      assert(attempt);
      await assert.rejects(attempt(), isDenied, `${what} of ${path}`);
    }
  }
  assert.equal(await snapshot(join(folder, 'outside')), before);
  assert.deepEqual(await readdir(join(folder, 'outside')), ['secret']);
  assert.equal(await readFile(join(share, 'in/f'), 'utf8'), 'inside');
  await client.end();
  await here.sessions(0);
  assert.deepEqual(openBelow(folder), []);
});

test('a link inside the export is followed, as far as forty of them', async (t) => {
  const here = await withOutside(t);
  const { share } = here;
  await symlink('in', join(share, 'dir'));
  await symlink('dir/f', join(share, 'file'));
  await symlink('../in/../file', join(share, 'in/again'));
  await symlink('in/new', join(share, 'dangling'));
  await symlink('./', join(share, 'self'));
  for (let n = 0; n < 41; n++) await symlink(n === 0 ? 'in/f' : `link-${n - 1}`, join(share, `link-${n}`));
  const client = await here.client();
  const content = async (path: string) => {
    const handle = await client.open(path, READ);
    const data = await client.read(handle, 0, 100);
    await client.close(handle);
    return data?.toString();
  };
  for (const path of ['dir/f', 'file', 'in/again', 'dir/again', 'self/self/file', 'dir/../in/f', 'link-39'])
    assert.equal(await content(path), 'inside', path);
  await assert.rejects(content('link-40'), hasStatus(StatusCode.FAILURE));
  assert.equal((await client.stat('file')).size, 6n);
  assert.equal((await client.lstat('file')).size, 5n);
  const handle = await client.open('dangling', WRITE | CREAT);
  await client.close(handle);
  assert.deepEqual(await readdir(join(share, 'in')), ['again', 'f', 'new']);
  await client.setAttributes('file', { permissions: 0o600 });
  assert.equal((await client.list('dir')).length, 3);
  assert.equal((await client.readLink('file')).toString(), 'dir/f');
});

test('with followLinks false any link on a path is refused, and can be looked at and removed', async (t) => {
  const here = await withOutside(t, { followLinks: false });
  await symlink('in', join(here.share, 'dir'));
  await symlink('in/f', join(here.share, 'file'));
  const client = await here.client();
  await assert.rejects(client.stat('file'), isDenied);
  await assert.rejects(client.open('file', READ), isDenied);
  await assert.rejects(client.stat('dir/f'), isDenied);
  await assert.rejects(client.openDirectory('dir'), isDenied);
  assert.equal((await client.lstat('dir')).size, 2n);
  await client.remove('dir');
});

test('SFTP-26 a symlink with an absolute or climbing target is refused at creation and, if it exists, at use', async (t) => {
  const here = await withOutside(t);
  const { folder, share } = here;
  const client = await here.client();
  for (const [target, path] of [
    ['/etc/passwd', 'l'],
    [join(share, 'in/f'), 'l'],
    ['..', 'l'],
    ['../share/in/f', 'l'],
    ['../../x', 'in/l'],
    ['a/../../../b', 'in/l'],
    ['./.././../x', 'in/l'],
  ] as const) {
    await assert.rejects(client.makeLink(target, path), isDenied, target);
    await symlink(target, join(share, path));
    // `a` of `a/../../../b` is not there, and that is what is found first.
    const code = target.startsWith('a/') ? StatusCode.NO_SUCH_FILE : StatusCode.PERMISSION_DENIED;
    await assert.rejects(client.stat(path), hasStatus(code), target);
    await assert.rejects(client.open(path, WRITE | CREAT), hasStatus(code), target);
    await client.remove(path);
  }
  await client.makeLink('../in/f', 'in/l');
  await client.makeLink('nothing/there', 'dangling');
  assert.equal(await readlink(join(share, 'in/l')), '../in/f');
  assert.equal((await client.stat('in/l')).size, 6n);
  // Moved up by a rename, the same text climbs out: it is refused at use.
  await client.rename('in/l', 'l');
  await assert.rejects(client.stat('l'), isDenied);
  assert.deepEqual(await readdir(join(folder, 'outside')), ['secret']);
});

test('NUL, names over 255 bytes and paths over 4096 bytes are malformed; encoded slashes and dots are mere names', async (t) => {
  const here = await withOutside(t);
  const client = await here.client();
  const isMalformed = hasStatus(StatusCode.BAD_MESSAGE);
  for (const path of ['in/f\0', '\0', 'a'.repeat(256), `in/${'b'.repeat(256)}/c`, 'x/'.repeat(2049)])
    await assert.rejects(client.stat(path), isMalformed);
  for (const path of [
    Buffer.from('..\xc0\xaf..', 'latin1'),
    Buffer.from('．．/secret'),
    Buffer.from('..%2f..%2fsecret'),
    Buffer.from('..\\outside\\secret'),
    Buffer.from('IN/F'),
    Buffer.from('~/in/f'),
    Buffer.from('a'.repeat(255)),
  ])
    await assert.rejects(client.stat(path), hasStatus(StatusCode.NO_SUCH_FILE));
  // Deep, and by the long way round: bounded work, one directory held at a time.
  const deep = 'd/'.repeat(1000);
  await run('mkdir', ['-p', join(here.share, deep)]);
  await writeFile(join(here.share, deep, 'f'), 'deep');
  assert.equal((await client.stat(`${deep}f`)).size, 4n);
  assert.equal((await client.stat(`${'in/../'.repeat(600)}in/f`)).size, 6n);
  await assert.rejects(client.stat(`${deep}${'../d/'.repeat(400)}f`), hasStatus(StatusCode.FAILURE));
});

test('SFTP-11 a directory that is swapped for a link during operations leads outside for none of them', async (t) => {
  const here = await withOutside(t);
  const { folder, share } = here;
  // `swap` is a directory of the export at one moment and a link to the outside at the next.
  await mkdir(join(share, 'swap'));
  await writeFile(join(share, 'swap/secret'), 'public');
  await mkdir(join(share, 'swap/sub'));
  await mkdir(join(folder, 'outside/sub'));
  await symlink('../outside', join(share, 'link'));
  await writeFile(join(folder, 'outside/only-outside'), '');
  const before = await snapshot(join(folder, 'outside'));
  const swapper = new Worker(
    `const { renameSync } = require('node:fs');
     const { workerData: share, parentPort } = require('node:worker_threads');
     const at = (name) => share + '/' + name;
     let swaps = 0;
     let goesOn = true;
     parentPort.once('message', () => { goesOn = false; });
     (function some() {
       for (let n = 0; n < 200; n++) {
         renameSync(at('swap'), at('aside'));
         renameSync(at('link'), at('swap'));
         renameSync(at('swap'), at('link'));
         renameSync(at('aside'), at('swap'));
         swaps++;
       }
       if (goesOn) setImmediate(some);
       else { parentPort.postMessage(swaps); parentPort.close(); }
     })();`,
    { eval: true, workerData: share },
  );
  const client = await here.client();
  let ok = 0;
  let refused = 0;
  const contents = new Set<string>();
  const names = new Set<string>();
  const settle = async (work: Promise<unknown>) => {
    try {
      await work;
      ok++;
    } catch (error) {
      assert(error instanceof SftpError);
      refused++;
    }
  };
  const readSecret = async () => {
    const handle = await client.open('swap/secret', READ);
    contents.add((await client.read(handle, 0, 100))?.toString() ?? '');
    await client.close(handle);
  };
  const list = async () => {
    for (const { name } of await client.list('swap')) names.add(name.toString());
  };
  const until = performance.now() + 2500;
  // On a busy machine too the race must have been run.
  for (let round = 0; performance.now() < until || Math.min(ok, refused) < 100; round++) {
    const name = `swap/new-${round}`;
    await Promise.all([
      settle(readSecret()),
      settle(list()),
      settle(client.open(name, WRITE | CREAT).then((handle) => client.close(handle))),
      settle(client.open('swap/secret', WRITE | TRUNC).then((handle) => client.close(handle))),
      settle(client.makeDirectory(`swap/dir-${round}`)),
      settle(client.removeDirectory('swap/sub')),
      settle(client.remove('swap/secret')),
      settle(client.rename('in/f', `swap/f-${round}`)),
      settle(client.replace(`swap/f-${round}`, 'in/f')),
      settle(client.makeHardLink('swap/secret', `in/stolen-${round}`)),
      settle(client.makeLink('secret', `swap/link-${round}`)),
      settle(client.setAttributes('swap', { times: { atime: 1, mtime: 1 } })),
      settle(client.setAttributes('swap/secret', { permissions: 0o666 })),
      settle(
        client.open('swap/secret', WRITE | CREAT).then(async (handle) => {
          await client.write(handle, 0, Buffer.from('public'));
          await client.close(handle);
        }),
      ),
      settle(client.remove(name)),
    ]);
  }
  const swaps = await new Promise((resolve) => {
    swapper.once('message', resolve);
    swapper.postMessage('stop');
  });
  assert(typeof swaps === 'number' && swaps > 100, `${swaps} swaps`);
  assert(!contents.has('secret'), 'the outside was read');
  assert(!names.has('only-outside'), 'the outside was listed');
  assert(names.size > 0);
  assert.equal(await snapshot(join(folder, 'outside')), before);
  for (const name of await readdir(join(share, 'in')))
    assert.notEqual(await readFile(join(share, 'in', name), 'utf8'), 'secret');
  await client.end();
  await here.sessions(0);
  assert.deepEqual(openBelow(folder), []);
});

test('a directory that is moved out of the export while it is used takes nobody along', async (t) => {
  const here = await withOutside(t);
  const { folder, share } = here;
  const client = await here.client();
  await mkdir(join(share, 'in/deep'));
  await rename(join(share, 'in'), join(folder, 'outside/in'));
  await symlink('../outside/in', join(share, 'in'));
  await assert.rejects(client.stat('in/deep/..'), isDenied);
  await assert.rejects(client.stat('in/deep/../../secret'), isDenied);
});

test('a hard link across exports, and a rename, fail', async (t) => {
  const here = await served(t);
  await mkdir(join(here.folder, 'other'));
  await writeFile(join(here.share, 'f'), '');
  const client = await here.client(peer('ada', 'share', `other:${here.folder}/other:rw`));
  const isFailure = hasStatus(StatusCode.FAILURE);
  assert.equal((await client.realPath('.')).toString(), '/');
  await assert.rejects(client.rename('/share/f', '/other/f'), isFailure);
  await assert.rejects(client.replace('/share/f', '/other/f'), isFailure);
  await assert.rejects(client.makeHardLink('/share/f', '/other/f'), isFailure);
  await link(join(here.share, 'f'), join(here.folder, 'other/g'));
  await client.rename('/other/g', '/other/../other/h');
});

test('neither `/` nor an export itself can be renamed, removed or made', async (t) => {
  const here = await served(t);
  const client = await here.client(peer('ada', 'share', `other:${here.folder}:rw`));
  await client.makeDirectory('/share/d');
  for (const path of ['/', '/share', '/share/', '/share/d/..', '/absent']) {
    for (const attempt of [
      client.makeDirectory(path),
      client.removeDirectory(path),
      client.remove(path),
      client.rename(path, '/share/x'),
      client.rename('/share/d', path),
      client.makeLink('d', path),
    ])
      await assert.rejects(attempt, SftpError);
  }
  assert.deepEqual(
    (await client.list('/')).map(({ name }) => name.toString()),
    ['share', 'other'],
  );
  const handle = await client.openDirectory('/');
  const [first] = (await client.readDirectory(handle)) ?? [];
  assert.equal(first?.name.toString(), 'share');
  assert.equal((await client.stat('/')).permissions, 0o40555);
  const parent = await client.request({ type: PacketType.OPENDIR, path: Buffer.from('/share') });
  assert(parent.type === PacketType.HANDLE);
  const entries = (await client.readDirectory(parent.handle)) ?? [];
  // What is above an export is `/`, and tells nothing of the host.
  assert.equal(entries.find(({ name }) => name.toString() === '..')?.attributes.permissions, 0o40555);
});

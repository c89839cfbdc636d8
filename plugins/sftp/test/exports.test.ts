import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { OpenFlag, SftpClient, SftpError } from '../src/client/client.ts';
import { PacketType, StatusCode, writeCopyData } from '../src/codec/index.ts';
import { type ExportEntry, exportsOf, parseExport } from '../src/rooted/export-entry.ts';
import { hasStatus, peer, served } from './support.ts';

const { READ, WRITE, CREAT, TRUNC, APPEND } = OpenFlag;
const isDenied = hasStatus(StatusCode.PERMISSION_DENIED);

test('SFTP-15 an ro export refuses each changing request and leaves the tree as it was', async (t) => {
  const here = await served(t);
  const { share } = here;
  await writeFile(join(share, 'f'), 'as it was');
  await mkdir(join(share, 'd'));
  await symlink('f', join(share, 'l'));
  const client = await here.client(peer('ada', 'share:ro'));
  const handle = await client.open('f', READ);
  const changes: [string, () => Promise<unknown>][] = [
    ['write', () => client.open('f', WRITE)],
    ['append', () => client.open('f', READ | APPEND)],
    ['create', () => client.open('new', READ | CREAT)],
    ['truncate', () => client.open('f', WRITE | TRUNC)],
    ['setstat', () => client.setAttributes('f', { permissions: 0o600 })],
    ['setstat nothing', () => client.setAttributes('f', {})],
    ['lsetstat', () => client.setAttributesOfLink('l', { times: { atime: 1, mtime: 1 } })],
    ['fsetstat', () => client.request({ type: PacketType.FSETSTAT, handle, attributes: { size: 0n } })],
    ['write by handle', () => client.write(handle, 0, Buffer.from('x'))],
    ['remove', () => client.remove('f')],
    ['mkdir', () => client.makeDirectory('e')],
    ['rmdir', () => client.removeDirectory('d')],
    ['rename', () => client.rename('f', 'g')],
    ['posix-rename', () => client.replace('f', 'g')],
    ['symlink', () => client.makeLink('f', 'k')],
    ['hardlink', () => client.makeHardLink('f', 'h')],
    [
      'copy-data',
      () =>
        client.extended(
          'copy-data',
          writeCopyData({ from: handle, offset: 0n, length: 2n, to: handle, toOffset: 5n }),
        ),
    ],
  ];
  for (const [what, change] of changes) await assert.rejects(change(), isDenied, what);
  assert.equal((await client.read(handle, 0, 99))?.toString(), 'as it was');
  assert.deepEqual(await readdir(share), ['d', 'f', 'l']);
  assert.equal(await readFile(join(share, 'f'), 'utf8'), 'as it was');
  const line = here.node.log.find(({ event }) => event === 'sftp change denied');
  assert.equal(line?.fields['export'], 'share');
});

test('SFTP-16 an identity sees only its exports, and an identity without one gets no session', async (t) => {
  const here = await served(t);
  for (const name of ['a', 'b', 'peers']) await mkdir(join(here.folder, name));
  await mkdir(join(here.folder, 'peers/bob'));
  const names = async (...sftp: string[]) => {
    const client = await here.client(peer('bob', ...sftp));
    const found = (await client.list('/')).map(({ name }) => name.toString());
    const start = (await client.realPath('.')).toString();
    await client.end();
    return [...found, start];
  };
  const a = `a:${here.folder}/a:rw`;
  assert.deepEqual(await names(a), ['a', '/a']);
  assert.deepEqual(await names(a, 'share:ro'), ['a', 'share', '/']);
  assert.deepEqual(await names(`own:${here.folder}/peers/{peer}:rw`), ['own', '/own']);
  // What cannot be served is absent, and the rest is there.
  assert.deepEqual(await names(a, 'unknown', `gone:${here.folder}/gone:rw`, `f:${here.folder}/a`), [
    'a',
    '/a',
  ]);
  const client = await here.client(peer('bob', a));
  await assert.rejects(client.stat('/share'), hasStatus(StatusCode.NO_SUCH_FILE));
  await assert.rejects(client.stat('/b'), hasStatus(StatusCode.NO_SUCH_FILE));
  await assert.rejects(client.stat('/a/../b'), hasStatus(StatusCode.NO_SUCH_FILE));

  for (const identity of [
    null,
    peer('bob'),
    peer('bob', 'unknown'),
    peer('bob', `gone:/nowhere/at-all:rw`),
  ]) {
    for (const singleStream of [false, true]) {
      const stream = await here.stream(identity, singleStream);
      let received = 0;
      stream.on('data', (chunk: Buffer) => {
        received += chunk.length;
      });
      await assert.rejects(SftpClient.begin(stream), SftpError);
      assert.equal(received, 0);
    }
  }
});

test('the grammar of exports', () => {
  const pool = new Map<string, ExportEntry>([
    ['w', { name: 'w', path: '/w', mode: 'rw' }],
    ['r', { name: 'r', path: '/r', mode: 'ro' }],
    ['p', { name: 'p', path: '/home/{peer}/{peer}', mode: 'rw' }],
  ]);
  const faults: string[] = [];
  const of = (id: string, ...words: string[]) =>
    exportsOf(words, pool, id, (fault) => faults.push(fault)).map(
      ({ name, path, mode }) => `${name}:${path}:${mode}`,
    );
  assert.deepEqual(of('x', 'w', 'r'), ['w:/w:rw', 'r:/r:ro']);
  assert.deepEqual(of('x', 'w:ro', 'r:rw'), ['w:/w:ro', 'r:/r:ro']);
  assert.deepEqual(of('ann', 'p'), ['p:/home/ann/ann:rw']);
  assert.deepEqual(of('x', 'c:/with:colon:ro'), ['c:/with:colon:ro']);
  assert.deepEqual(faults, []);
  for (const bad of [
    '',
    '-x',
    '../x',
    'a b',
    'w:xx',
    'x:relative:rw',
    'x:/p',
    'x:/p:',
    'unknown',
    'a/b:/p:rw',
    `${'n'.repeat(65)}`,
  ])
    assert.deepEqual(of('x', bad), [], bad);
  for (const id of ['.', '..', 'a/b', 'a:b', 'é', 'x'.repeat(65)]) assert.deepEqual(of(id, 'p'), [], id);
  assert.deepEqual(of('x', 'w', 'w:ro'), ['w:/w:rw']);
  assert.equal(faults.length, 11 + 6 + 1);
  assert.throws(() => parseExport('w'), /expected name:\/absolute\/path:mode/);
});

test('SFTP-27 removing an export by reload makes its open handles fail and no others', async (t) => {
  const here = await served(t);
  await mkdir(join(here.folder, 'kept'));
  await writeFile(join(here.share, 'f'), 'share');
  await writeFile(join(here.folder, 'kept/f'), 'kept');
  const kept = `kept:${here.folder}/kept:rw`;
  await here.node.configure({ exports: [`share:${here.share}:rw`, kept] });
  const client = await here.client(peer('ada', 'share', 'kept'));
  const gone = await client.open('/share/f', READ | WRITE);
  const listing = await client.openDirectory('/share');
  const stays = await client.open('/kept/f', READ | WRITE);
  await here.node.configure({ exports: [kept] });
  for (const attempt of [
    () => client.read(gone, 0, 9),
    () => client.write(gone, 0, Buffer.from('x')),
    () => client.fstat(gone),
    () => client.readDirectory(listing),
    () => client.fstat(listing),
    () => client.sync(gone),
  ])
    await assert.rejects(attempt(), isDenied);
  await assert.rejects(client.stat('/share/f'), hasStatus(StatusCode.NO_SUCH_FILE));
  assert.equal((await client.read(stays, 0, 9))?.toString(), 'kept');
  assert.deepEqual(
    (await client.list('/')).map(({ name }) => name.toString()),
    ['kept'],
  );
  await client.close(gone);
  await client.close(listing);
  // Lowered: what was opened to write no longer does.
  await here.node.configure({ exports: [`kept:${here.folder}/kept:ro`] });
  await assert.rejects(client.write(stays, 0, Buffer.from('x')), isDenied);
  assert.equal((await client.read(stays, 0, 9))?.toString(), 'kept');
  assert.equal(await readFile(join(here.share, 'f'), 'utf8'), 'share');
});

test('exports of the pool that cannot be served are told and absent', async (t) => {
  const here = await served(t, {
    exports: ['nowhere:/no/such/folder:rw', 'file:/etc/passwd:ro', 'bad', 'x:relative:rw'],
  });
  const problems = here.node.log.filter(({ event }) => event === 'export absent');
  assert.equal(problems.length, 4);
  await assert.rejects(here.client(peer('ada', 'nowhere', 'file')), SftpError);
});

test('sessions beyond the limits are closed at once', async (t) => {
  const here = await served(t, { maxSessions: { perIdentity: 2, total: 3 } });
  const bob = peer('bob', 'share');
  const first = await here.client();
  await here.client();
  await assert.rejects(here.client(), SftpError);
  await here.client(bob);
  await assert.rejects(here.client(bob), SftpError);
  await first.end();
  await here.sessions(2);
  await here.client();
});

test('sftp/exports/list tells the caller his exports, and host paths to an administrator alone', async (t) => {
  const here = await served(t);
  const list = (scopes: string[]) =>
    here.node.client({ identity: { ...peer('ada', 'share:ro'), scopes } }).call('sftp/exports/list', {});
  assert.deepEqual(await list([]), { exports: [{ name: 'share', mode: 'ro' }] });
  assert.deepEqual(await list(['sftp:admin']), {
    exports: [{ name: 'share', mode: 'ro', path: here.share }],
  });
});

test('sftp/sessions/list tells what runs', async (t) => {
  const here = await served(t);
  await writeFile(join(here.share, 'f'), '0123456789');
  const client = await here.client();
  const handle = await client.open('f', READ | WRITE);
  await client.read(handle, 0, 10);
  await client.write(handle, 0, Buffer.from('abc'));
  const admin = { id: 'admin', scopes: ['sftp:admin'], resources: {} };
  const { sessions } = await here.node.client({ identity: admin }).call('sftp/sessions/list', {});
  const [{ peer: id, handles, read, written } = { peer: '', handles: 0, read: 0, written: 0 }] = sessions;
  assert.deepEqual([sessions.length, id, handles, read, written], [1, 'ada', 1, 10, 3]);
  await client.end();
  await here.sessions(0);
  const closed = here.node.log.find(({ event }) => event === 'sftp closed');
  assert.deepEqual(
    [closed?.fields['peer'], closed?.fields['read'], closed?.fields['written']],
    ['ada', 10, 3],
  );
});

test('idleTimeout is a number of seconds or a duration, and a session without a request ends after it', async (t) => {
  const here = await served(t, { idleTimeout: '1s' });
  const client = await here.raw();
  assert.equal(await client.next(), undefined);
  await here.sessions(0);
  const line = here.node.log.find(({ event }) => event === 'sftp closed');
  assert.equal(line?.fields['end'], 'idle');
  for (const idleTimeout of [1, 2_000_000, '0.5h', '23d']) await here.node.configure({ idleTimeout });
});

test('an idleTimeout that no timer can hold is refused in either form', async (t) => {
  for (const idleTimeout of [0, 2_000_001, '999ms', '24d', 'soon'])
    await assert.rejects(served(t, { idleTimeout }), /idleTimeout/, String(idleTimeout));
  const here = await served(t);
  await assert.rejects(here.node.configure({ idleTimeout: '24d' }), {
    message: 'idleTimeout: expected 1 to 2000000 seconds, found "24d"',
  });
});

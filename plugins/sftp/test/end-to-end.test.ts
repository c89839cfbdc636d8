import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { eventually } from '../../../host/test/e2e/support.ts';
import { OpenFlag, SftpClient } from '../src/client/client.ts';
import { command, type Node, node } from './daemon.ts';
import { assertSameTree, missing, run } from './programs.ts';
import { peer, served } from './support.ts';

/** A stream of the ALPN, by the command. */
function pipe(t: TestContext, here: Node, transport: string): Duplex {
  const args = [command, 'pipe', 'local', 'alknet/sftp', '--transport', transport];
  const child = spawn(process.execPath, args, {
    cwd: here.folder,
    env: here.env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => child.kill());
  return Duplex.from({ readable: child.stdout, writable: child.stdin });
}

test('SFTP-02 `sftp -D "alknet pipe PEER alknet/sftp"` lists, puts, gets, renames, removes and resumes', {
  skip: missing('sftp'),
}, async (t) => {
  const here = await node(t);
  const content = randomBytes(3_000_000);
  const local = await here.write('local', '');
  await writeFile(local, content);
  const sftp = async (...lines: string[]) => {
    const batch = await here.write('batch', `${lines.join('\n')}\n`);
    const { code, output } = await run('sftp', ['-b', batch, '-D', here.program], {
      cwd: here.folder,
      env: here.env,
    });
    assert.equal(code, 0, output);
    return output;
  };
  const said = await sftp(
    'pwd',
    'put local',
    'mkdir d',
    'put -p local d/copy',
    'ls -la',
    'rename local renamed',
    'ln renamed hard',
    'ln -s renamed soft',
    'cp renamed copied',
    'chmod 640 renamed',
    'df',
    'get renamed back',
    'get soft back-soft',
    'rm hard',
    'rm soft',
    'rm copied',
    'ls -l d',
    'cd d',
    'rm copy',
    'cd ..',
    'rmdir d',
    'ls -1',
  );
  assert.match(said, /Remote working directory: \/share/);
  assert.match(said, /^renamed$/m);
  for (const name of ['back', 'back-soft', 'share/renamed'])
    assert.deepEqual(await readFile(join(here.folder, name)), content, name);
  assert.equal((await stat(join(here.share, 'renamed'))).mode & 0o777, 0o640);

  // What was cut off goes on where it stands.
  await writeFile(join(here.folder, 'part'), content.subarray(0, 1_234_567));
  await writeFile(join(here.share, 'part-up'), content.subarray(0, 1_000_001));
  await sftp('reget renamed part', 'reput local part-up');
  assert.deepEqual(await readFile(join(here.folder, 'part')), content);
  assert.deepEqual(await readFile(join(here.share, 'part-up')), content);

  // A tree there and back.
  await mkdir(join(here.folder, 'tree/sub'), { recursive: true });
  for (let n = 0; n < 30; n++) await writeFile(join(here.folder, `tree/sub/f${n}`), `content ${n}`);
  await sftp('put -R tree there', 'get -R there came-back');
  await assertSameTree(here.folder, 'tree', 'came-back');
});

/** All that a server says to a fixed list of requests; the one handle of a file, which is random, made zero. */
async function transcript(stream: Duplex): Promise<Buffer> {
  const received: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => received.push(chunk));
  const client = await SftpClient.begin(stream);
  const directory = await client.openDirectory('d');
  await client.readDirectory(directory);
  await client.readDirectory(directory);
  const handle = await client.open('f', OpenFlag.READ | OpenFlag.WRITE);
  for (let at = 0; at < 200_000; at += 30_000) await client.read(handle, at, 30_000);
  await client.fstat(handle);
  for (const failing of [
    () => client.close(Buffer.alloc(16)),
    () => client.stat('absent'),
    () => client.stat('../../etc'),
    () => client.readLink('f'),
    () => client.makeDirectory('f'),
  ])
    await assert.rejects(failing());
  await client.end();
  let bytes = Buffer.concat(received);
  for (const random of [directory, handle]) {
    const at = bytes.indexOf(random);
    bytes = Buffer.concat([bytes.subarray(0, at), Buffer.alloc(16), bytes.subarray(at + 16)]);
  }
  return bytes;
}

test('SFTP-14 the same bytes come out over QUIC, over TLS, and from an in-memory duplex', async (t) => {
  const here = await node(t);
  await writeFile(join(here.share, 'f'), randomBytes(150_000));
  await mkdir(join(here.share, 'd'));
  const inMemory = await served(t, { exports: [`share:${here.share}:rw`] });
  const stream = (singleStream: boolean) => inMemory.stream(peer('operator', 'share'), singleStream);
  // The first one to read changes the times of access, which are told.
  await transcript(await stream(false));
  const expected = await transcript(await stream(false));
  assert(expected.length > 150_000);
  assert.deepEqual(await transcript(await stream(true)), expected);
  for (const transport of ['quic', 'tls'])
    assert.deepEqual(await transcript(pipe(t, here, transport)), expected, transport);
});

test('SFTP-27 and SFTP-16: exports taken from a peer in peers.json are gone for its live session', async (t) => {
  const here = await node(t);
  await writeFile(join(here.share, 'f'), 'content');
  const client = await SftpClient.begin(pipe(t, here, 'quic'));
  const handle = await client.open('f', OpenFlag.READ | OpenFlag.WRITE);
  await here.ok([
    'peer',
    'set',
    'operator',
    '--remove-resource',
    'sftp=share',
    '--resource',
    'sftp=share:ro',
  ]);
  await eventually('the export is read-only', async () => {
    const attempt = client.write(handle, 0, Buffer.from('x'));
    return attempt.then(
      () => false,
      (error: Error) => error.message === 'permission denied',
    );
  });
  assert.equal((await client.read(handle, 1, 99))?.toString(), 'ontent');
  await here.ok(['peer', 'set', 'operator', '--remove-resource', 'sftp=share:ro']);
  await eventually('the export is gone', () =>
    client.read(handle, 0, 99).then(
      () => false,
      (error: Error) => error.message === 'permission denied',
    ),
  );
  await client.end();
});

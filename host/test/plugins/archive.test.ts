import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { Header, type HeaderData } from 'tar';
import { ArchiveError, readArchive, writeArchive, writeFiles } from '../../src/plugins/archive.ts';
import { packPlugin, verifyArchive, verifyDirectory } from '../../src/plugins/pack.ts';
import { temporary } from '../config/support.ts';

interface Entry extends HeaderData {
  readonly text?: string;
}

/** A tarball as a hostile hand makes it. */
function tarball(entries: readonly Entry[]): Buffer {
  const parts = entries.flatMap(({ text = '', ...data }) => {
    const bytes = Buffer.from(text);
    const header = new Header({ mode: 0o644, size: bytes.length, type: 'File', uid: 0, gid: 0, ...data });
    header.encode();
    const padding = Buffer.alloc((512 - (bytes.length % 512)) % 512);
    return [header.block ?? Buffer.alloc(0), bytes, padding];
  });
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

const refused = (bytes: Buffer, message: RegExp) =>
  assert.rejects(readArchive(bytes), (error) => {
    assert.ok(error instanceof ArchiveError, String(error));
    assert.match(error.message, message);
    return true;
  });

test('CLI-40 an archive with a path that leads out of its directory is refused, and the path is named', async () => {
  for (const path of [
    '../evil',
    'package/../../evil',
    'package/a/../../../evil',
    '/etc/passwd',
    'package//evil',
    'package/./evil',
    'package\\..\\evil',
    'package/C:evil',
    'evil',
  ]) {
    await refused(gzipSync(tarball([{ path, text: 'x' }])), /expected paths below one directory/);
  }
});

test('CLI-40 an archive with links, devices or pipes is refused, and the entry is named', async () => {
  for (const type of ['SymbolicLink', 'Link', 'CharacterDevice', 'BlockDevice', 'FIFO'] as const) {
    const linkpath = type.endsWith('Link') ? '/etc' : '';
    const entries = [{ path: 'package/link', type, linkpath, size: 0 }];
    await refused(gzipSync(tarball(entries)), new RegExp(`"package/link" as ${type}; expected files`));
  }
  // A file through a link that came before it.
  const through: Entry[] = [
    { path: 'package/out', type: 'SymbolicLink', linkpath: '/tmp', size: 0 },
    { path: 'package/out/evil', text: 'x' },
  ];
  await refused(gzipSync(tarball(through)), /package\/out" as SymbolicLink/);
});

test('CLI-40 an archive that holds a name twice, or as file and directory, is refused', async () => {
  const twice = [
    { path: 'package/a', text: '1' },
    { path: 'package/a', text: '2' },
  ];
  await refused(gzipSync(tarball(twice)), /holds a twice/);
  const both = [
    { path: 'package/a', text: '1' },
    { path: 'package/a/b', text: '2' },
  ];
  await refused(gzipSync(tarball(both)), /holds a as file and as directory/);
});

test('CLI-40 an archive that is too large, broken or cut off is refused before it takes the memory', async () => {
  // 300 MiB of nothing are 300 KiB of gzip.
  const bomb = gzipSync(Buffer.alloc(300 * 1024 * 1024));
  assert.ok(bomb.length < 1024 * 1024);
  await refused(bomb, /expected at most \d+ bytes in the archive, found more/);
  const good = tarball([{ path: 'package/a', text: 'x'.repeat(2000) }]);
  await refused(gzipSync(gzipSync(good)), /a gzip file in a gzip file/);
  await refused(Buffer.from('no gzip'), /expected a gzip file/);
  await refused(gzipSync(good).subarray(0, -20), /expected a gzip file, found none that can be read/);
  await refused(gzipSync(good.subarray(0, 1024)), /cannot be read/);
  const broken = Buffer.from(good);
  broken[0] = 0x71;
  await refused(gzipSync(broken), /cannot be read|expected/);
  const many = Array.from({ length: 10_001 }, (_, index) => ({ path: `package/${index}` }));
  await refused(gzipSync(tarball(many)), /expected at most 10000 files in the archive, found more/);
});

test('files of an archive are written for their owner to change alone, and over no other', async (t) => {
  const directory = join(await temporary(t), 'made');
  const before = process.umask(0);
  try {
    const files = await readArchive(
      gzipSync(
        tarball([
          { path: 'package/bin/run', mode: 0o4777, text: '#!' },
          { path: 'package/a', mode: 0o666 },
        ]),
      ),
    );
    await writeFiles(files, directory);
    const modes = await Promise.all(
      ['', 'bin', 'bin/run', 'a'].map(async (path) => (await stat(join(directory, path))).mode & 0o7777),
    );
    assert.deepEqual(modes, [0o755, 0o755, 0o755, 0o644]);
    await assert.rejects(writeFiles(files, directory), { code: 'EEXIST' });
  } finally {
    process.umask(before);
  }
});

async function aPackage(t: TestContext, more: object = {}): Promise<string> {
  const directory = join(await temporary(t), 'clock');
  const write = async (path: string, text: string) => {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), text);
  };
  const alknet = { plugin: './src/plugin.ts', name: 'clock' };
  const manifest = { name: '@acme/clock', version: '1.0.0', type: 'module', alknet, ...more };
  await write('package.json', JSON.stringify(manifest));
  await write('README.md', 'A clock.');
  await write(
    'src/plugin.ts',
    `import { definePlugin } from '@alknet/sdk';\nimport { tick } from './tick.ts';\nexport default definePlugin({ name: 'clock', version: '1.0.0', start() { return tick; } });\n`,
  );
  await write('src/tick.ts', 'export const tick = {};\n');
  await write(`src/${'long/'.repeat(25)}ünïcode.txt`, 'a path that takes an extended header');
  return directory;
}

test('a packed plugin is the same bytes wherever and whenever it is made, and npm can read it', async (t) => {
  const [first, second] = [await aPackage(t), await aPackage(t)];
  // Other times and other modes.
  await utimes(join(second, 'README.md'), 1, 1);
  const packed = await packPlugin(first);
  const again = await packPlugin(second);
  assert.ok(packed.bytes.equals(again.bytes));
  // Nothing of it is left to a compressor: another version of zlib would write another file.
  const tar = gunzipSync(packed.bytes);
  assert.ok(packed.bytes.length > tar.length);
  assert.deepEqual([...packed.bytes.subarray(0, 10)], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
  const file = join(await temporary(t), 'clock.tgz');
  await writeFile(file, packed.bytes);
  const listed = execFileSync('tar', ['tzf', file], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
  });
  const names = packed.files.map((path) => `package/${path}`);
  assert.equal(listed.trim().split('\n').length, names.length + 1, 'and the digests');
  const read = await readArchive(packed.bytes);
  assert.deepEqual(read.map(({ path }) => path).sort(), [...packed.files, 'alknet.files.json'].sort());
});

test('a packed plugin has the integrity of its directory, before and after it is unpacked', async (t) => {
  const directory = await aPackage(t, { files: ['src'] });
  await mkdir(join(directory, 'node_modules/x'), { recursive: true });
  await writeFile(join(directory, 'node_modules/x/index.js'), '');
  await symlink('/etc/passwd', join(directory, 'src/link'));
  const packed = await packPlugin(directory);
  assert.ok(!packed.files.some((path) => path.includes('link') || path.includes('node_modules')));
  assert.equal((await verifyDirectory(directory)).integrity, packed.integrity);
  assert.equal((await verifyArchive(packed.bytes)).integrity, packed.integrity);
  const unpacked = join(await temporary(t), 'x');
  await writeFiles(await readArchive(packed.bytes), unpacked);
  const verified = await verifyDirectory(unpacked);
  assert.deepEqual([verified.integrity, verified.faults], [packed.integrity, []]);
  assert.ok((await readdir(unpacked)).includes('alknet.files.json'));
});

test('CLI-40 a packed plugin says which of its files was changed, added or taken away', async (t) => {
  const directory = await aPackage(t);
  const files = await readArchive((await packPlugin(directory)).bytes);
  const faults = async (change: (files: Map<string, Buffer>) => void) => {
    const map = new Map(files.map(({ path, bytes }) => [path, Buffer.from(bytes)]));
    change(map);
    const changed = [...map].map(([path, bytes]) => ({ path, bytes, executable: false }));
    return (await verifyArchive(writeArchive(changed))).faults;
  };
  assert.deepEqual(await faults(() => {}), []);
  for (const path of ['README.md', 'src/plugin.ts', 'src/tick.ts'] as const) {
    const flipped = await faults((map) => {
      const bytes = map.get(path) ?? assert.fail();
      bytes[3] = (bytes[3] ?? 0) ^ 1;
    });
    assert.deepEqual(flipped, [`alknet.files.json: ${path} was changed`]);
  }
  assert.deepEqual(await faults((map) => map.set('src/evil.ts', Buffer.from(''))), [
    'alknet.files.json: src/evil.ts was added',
  ]);
  assert.deepEqual(await faults((map) => map.delete('src/tick.ts')), [
    'alknet.files.json: src/tick.ts is missing',
  ]);
  assert.deepEqual(await faults((map) => map.set('node_modules/x/index.js', Buffer.from(''))), [
    'node_modules/x/index.js is no part of the package: npm pack would not take it',
  ]);
  assert.deepEqual(await faults((map) => map.set('alknet.files.json', Buffer.from('{'))), [
    'alknet.files.json: expected digests of the files, found nothing that can be read',
  ]);
  const text = (await readFile(join(directory, 'README.md'))).toString();
  assert.equal(text, 'A clock.');
});

test('a package in which somebody made a node is not packed with the keys of that node', async (t) => {
  const directory = await aPackage(t);
  await mkdir(join(directory, 'data'));
  await writeFile(join(directory, 'data/vault.key'), 'secret');
  await assert.rejects(
    packPlugin(directory),
    /data\/vault\.key is a file of a node, which nobody else may have/,
  );
});

test('a package whose module npm pack would leave out is not packed', async (t) => {
  const directory = await aPackage(t, { files: ['README.md'] });
  await assert.rejects(
    packPlugin(directory),
    /npm pack would not take the module of the plugin; name it in "files"/,
  );
});

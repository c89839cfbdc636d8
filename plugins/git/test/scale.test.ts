import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { shellIn } from '../../../host/test/e2e/cli-support.ts';
import { made, up } from '../../../host/test/e2e/support.ts';
import { all, collect, filled, pushing, realNode } from './support.ts';

test('a repository with 20,000 commits is cloned whole and fetched from', async (t) => {
  const node = await realNode(t, pushing);
  const ada = await node.client('ada', all);
  await ada.call('git/create', { name: 'long' });
  const commits = Array.from(
    { length: 20_000 },
    (_, n) =>
      `commit refs/heads/main\ncommitter Ada <ada@example.org> ${1_700_000_000 + n} +0000\ndata 5\nwork\nM 100644 inline f${n % 100}\ndata ${String(n).length + 1}\n${n}\n\n`,
  );
  const imported = await collect(
    ada.spawn(['--git-dir', join(node.root, 'long.git'), 'fast-import', '--quiet']),
    commits.join(''),
  );
  assert.equal(imported.code, 0, imported.stderr);
  await ada.git(['clone', '--quiet', ada.url('long'), 'copy']);
  const copy = { cwd: join(ada.home, 'copy') };
  assert.equal(await ada.git(['rev-list', '--count', 'HEAD'], copy), '20000\n');
  await ada.git(['commit', '--quiet', '--allow-empty', '-m', 'one more'], copy);
  await ada.git(['push', '--quiet'], copy);
  await ada.git(['clone', '--quiet', '--depth=1', ada.url('long'), 'tip']);
});

test('50 clients clone at once, 10 identities of 5 each', async (t) => {
  const node = await realNode(t, pushing);
  const ada = await node.client('ada', all);
  await filled(ada, 'app');
  const readers = await Promise.all(
    Array.from({ length: 10 }, (_, n) => n).map((n) => node.client(`reader-${n}`, ['git:read:app'])),
  );
  const clones = readers.flatMap((reader) =>
    Array.from({ length: 5 }, async (_, n) => {
      const { code, stderr } = await reader.try(['clone', '--quiet', reader.url('app'), `copy-${n}`]);
      assert.equal(code, 0, stderr);
      return readFile(join(reader.home, `copy-${n}`, 'file-3.txt'), 'utf8');
    }),
  );
  for (const text of await Promise.all(clones)) assert.equal(text, 'app 3\n');
});

const MiB = 1024 * 1024;
/** `ALKNET_GIT_BLOB=512` takes one as large as that, in MiB. */
const blob = Number(process.env['ALKNET_GIT_BLOB'] ?? 96) * MiB;

/** Bytes that nothing makes smaller, and that are the same at each run. */
function* noise(length: number): Generator<Buffer> {
  let block = Buffer.from('seed');
  for (let made = 0; made < length; made += MiB) {
    const blocks: Buffer[] = [];
    for (let i = 0; i < MiB / 64; i++) {
      block = createHash('sha512').update(block).digest();
      blocks.push(block);
    }
    yield Buffer.concat(blocks);
  }
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}

test('a large blob is streamed: the memory of the node stays flat', async (t) => {
  const here = await made(t);
  await here.write(
    'alknet.config.json',
    `{ "dataDir": "./data", "listen": { "quic": "127.0.0.1:0", "tls": "127.0.0.1:0" },
       "plugins": { "call": true, "git": { "config": { "push": { "enabled": true } } } } }`,
  );
  const sh = await shellIn(here);
  const helper = fileURLToPath(new URL('../../../host/bin/git-remote-alknet.js', import.meta.url));
  await symlink(helper, join(here.folder, 'bin', 'git-remote-alknet'));
  const { child } = await up(here);
  /** Bytes that the process has, and the most that it has had. */
  const memory = async () => {
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '');
    const of = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1] ?? 0) * 1024;
    return { now: of('VmRSS'), most: of('VmHWM') };
  };
  await here.ok(['call', 'git/create', 'name=large']);
  await mkdir(join(here.folder, 'work'));
  await pipeline(Readable.from(noise(blob)), createWriteStream(join(here.folder, 'work', 'blob')));
  const env = { ALKNET_CONFIG: here.config };
  const ok = async (script: string) => {
    const { code, stderr } = await sh(`set -e; ${script}`, { env });
    assert.equal(code, 0, stderr);
  };
  const git = 'git -c user.name=a -c user.email=a@b -c core.compression=0 -c core.bigFileThreshold=1m';
  await ok(`cd work && git init -q -b main && ${git} add . && ${git} commit -q -m one`);
  await ok('git ls-remote alknet://local/large.git');
  const before = await memory();
  await ok(`cd work && ${git} push -q alknet://local/large.git main`);
  await ok(`${git} clone -q alknet://local/large.git copy`);
  const after = await memory();
  assert.equal(
    await sha256(join(here.folder, 'copy', 'blob')),
    await sha256(join(here.folder, 'work', 'blob')),
  );
  const grown = Math.max(0, after.most - before.now);
  t.diagnostic(`${blob / MiB} MiB pushed and cloned; the node took ${Math.round(grown / MiB)} MiB more`);
  // Far below the blob: what is in flight, and garbage that is not collected yet.
  assert.ok(grown < 80 * MiB, `${Math.round(grown / MiB)} MiB`);
});

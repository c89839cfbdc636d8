import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { access, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { answer, line, open } from './raw-stream.ts';
import { all, type Client, filled, type Node, realNode } from './support.ts';

const verifiers = ['gpg', 'gpgsm', 'ssh-keygen'];

/** An armoured signature of each kind, which git gives to a program of its own. */
const signatures = ['PGP SIGNATURE', 'SIGNED MESSAGE', 'SSH SIGNATURE'].map((kind) => [
  `-----BEGIN ${kind}-----`,
  'AAAA',
  `-----END ${kind}-----`,
]);

/** A node whose git finds verifiers that leave a mark. */
async function watched(t: TestContext): Promise<{
  node: Node;
  ada: Client;
  work: string;
  assertNothingRan(): Promise<void>;
}> {
  const bin = join((await realNode(t)).directory, 'git-bin');
  await mkdir(bin);
  const mark = join(bin, 'ran');
  const git = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();
  await symlink(git, join(bin, 'git'));
  for (const name of verifiers)
    await writeFile(join(bin, name), `#!/bin/sh\ntouch '${mark}'\nexit 1\n`, { mode: 0o755 });
  const node = await realNode(t, { program: join(bin, 'git'), push: { enabled: true } });
  const ada = await node.client('ada', all);
  const work = await filled(ada, 'app');
  return {
    node,
    ada,
    work,
    async assertNothingRan() {
      await assert.rejects(access(mark), 'no program that checks signatures has run');
      assert.deepEqual(await readdir(join(node.directory, 'data', 'plugins', 'git', 'home')), []);
    },
  };
}

test('a push certificate that nobody asked for starts no program', async (t) => {
  const { ada, work, assertNothingRan } = await watched(t);
  const tip = (await ada.git(['rev-parse', 'HEAD'], { cwd: work })).trim();
  const connection = await ada.dial();
  t.after(() => connection.close());
  for (const [n, signature] of signatures.entries()) {
    const stream = await open(connection, line('git-receive-pack /app.git\0'));
    await answer(stream, 100);
    const certificate = [
      'certificate version 0.1',
      'pusher ada 1 +0000',
      '',
      `${'0'.repeat(40)} ${tip} refs/heads/certified-${n}`,
      ...signature,
      'push-cert-end',
    ];
    stream.write(line('push-cert\0report-status'));
    for (const text of certificate) stream.write(line(`${text}\n`));
    stream.write('0000');
    // A pack of no objects.
    stream.write(Buffer.from('5041434b0000000200000000029d08823bd8a8eab510ad6ac75c823cfd3ed31e', 'hex'));
    assert.match(await answer(stream), new RegExp(`ok refs/heads/certified-${n}`));
  }
  await assertNothingRan();
});

test('an archive that asks in its files for the signature of a commit starts no program', async (t) => {
  const { ada, work, assertNothingRan } = await watched(t);
  await writeFile(join(work, '.gitattributes'), '* export-subst\n');
  await writeFile(join(work, 'who.txt'), '$Format:%G? %GS$\n');
  await ada.git(['add', '.'], { cwd: work });
  await ada.git(['commit', '--quiet', '-m', 'asks'], { cwd: work });
  const plain = await ada.git(['cat-file', 'commit', 'HEAD'], { cwd: work });
  for (const [n, signature] of signatures.entries()) {
    const signed = plain.replace('\n\n', `\ngpgsig ${signature.join('\n ')}\n\n`);
    const id = await ada.git(['hash-object', '-t', 'commit', '-w', '--stdin'], { cwd: work, input: signed });
    await ada.git(['push', '--quiet', 'origin', `${id.trim()}:refs/heads/signed-${n}`], { cwd: work });
    await ada.git(['archive', '--format=tar', '-o', 'app.tar', `--remote=${ada.url('app')}`, `signed-${n}`]);
    const files = execFileSync('tar', ['-tf', join(ada.home, 'app.tar')], { encoding: 'utf8' });
    assert.match(files, /who\.txt/);
  }
  await assertNothingRan();
});

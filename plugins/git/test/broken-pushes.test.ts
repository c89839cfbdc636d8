/** Pushes that are cut off, and pushes that race: the repository is as it was, or as one of them wants it. */

import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { answer, line, open } from './raw-stream.ts';
import { eventually, processesOn, startedWithApp } from './support.ts';

test('GIT-15 an aborted push leaves no ref change and no temporary file', async (t) => {
  const { node, ada } = await startedWithApp(t);
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
  const { node, ada, work } = await startedWithApp(t, { push: { enabled: true, idleTimeout: '1s' } });
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
  const { node, ada } = await startedWithApp(t);
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

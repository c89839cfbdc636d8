/** A client that reads when git on the node is long gone. */

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { answer, line, open } from './raw-stream.ts';
import { eventually, processesOn, startedWithApp } from './support.ts';

for (const transport of ['quic', 'tls'] as const) {
  test(`what a slow client has not read when git ends on the node still comes to it whole, over ${transport}`, async (t) => {
    const { node, ada, work } = await startedWithApp(t);
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

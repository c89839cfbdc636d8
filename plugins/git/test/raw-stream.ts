/** Streams of `alknet/git` spoken without git, byte for byte. */

import assert from 'node:assert/strict';
import type { Connection, Stream } from '@alknet/sdk';

export function line(text: string): Buffer {
  return Buffer.concat([
    Buffer.from((Buffer.byteLength(text, 'latin1') + 4).toString(16).padStart(4, '0')),
    Buffer.from(text, 'latin1'),
  ]);
}

export async function open(connection: Connection, bytes: Buffer): Promise<Stream> {
  const stream = connection.multiplexed
    ? await connection.openStream()
    : (await connection[Symbol.asyncIterator]().next()).value;
  assert.ok(stream);
  stream.on('error', () => {});
  stream.write(bytes);
  return stream;
}

/** All that comes, to the end or the reset of the stream. */
export async function answer(stream: Stream, least = Number.POSITIVE_INFINITY): Promise<string> {
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

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { duplexPair } from '@alknet/sdk/testing';
import { OpenFlag } from '../src/client/client.ts';
import { maxData, type Packet, PacketType } from '../src/codec/index.ts';
import { ExportSource } from '../src/rooted/export-source.ts';
import { ExportTree } from '../src/rooted/export-tree.ts';
import type { OpenFile, OpenMode } from '../src/session/file-system.ts';
import { Session, type SessionOptions } from '../src/session/session.ts';
import { place, RawClient, sessionOptions } from './support.ts';

/** The real files, of which each read waits until the disk is let go. */
class SlowTree extends ExportTree {
  reading = 0;
  most = 0;
  letGo: () => void = () => {};
  readonly #free = new Promise<void>((resolve) => {
    this.letGo = resolve;
  });

  override async open(path: Buffer, mode: OpenMode): Promise<OpenFile> {
    const file = await super.open(path, mode);
    const read = file.read.bind(file);
    file.read = async (into, position) => {
      this.reading++;
      this.most = Math.max(this.most, this.reading);
      await this.#free;
      this.reading--;
      return read(into, position);
    };
    return file;
  }
}

async function slow(t: Parameters<typeof place>[0], over: Partial<SessionOptions> = {}) {
  const { share } = await place(t);
  await writeFile(join(share, 'large'), Buffer.alloc(80 * maxData, 'x'));
  const granted = [{ name: 'share', path: share, mode: 'rw' }] as const;
  const source = new ExportSource(
    () => granted,
    (_name, error) => assert.fail(String(error)),
  );
  await source.refresh();
  const tree = new SlowTree(source, { allowOwner: false, followLinks: true });
  const [near, far] = duplexPair();
  const session = new Session(far, tree, { ...sessionOptions, ...over });
  const end = session.run();
  t.after(async () => {
    near.destroy();
    tree.letGo();
    await end;
  });
  return { tree, session, near, end };
}

test('SFTP-25 65 pipelined requests to a slow disk are all answered and memory stays under the bound', async (t) => {
  const { tree, session, near } = await slow(t);
  const client = await RawClient.begin(near);
  client.send({
    type: PacketType.OPEN,
    id: 0,
    path: Buffer.from('large'),
    flags: OpenFlag.READ,
    attributes: {},
  });
  const opened = await client.next();
  assert(opened?.type === PacketType.HANDLE);
  const { handle } = opened;
  const before = process.memoryUsage().arrayBuffers;
  const reads = Array.from({ length: 65 }, (_, n): Packet => {
    const offset = BigInt(n * maxData);
    return { type: PacketType.READ, id: 100 + n, handle, offset, length: maxData };
  });
  client.send(...reads);
  while (tree.reading < 64) await new Promise((resolve) => setImmediate(resolve));
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  // The 65th waits, unread, and is not refused.
  assert.deepEqual([tree.reading, session.inFlight], [64, 64]);
  assert(process.memoryUsage().arrayBuffers - before < 32 * 1024 * 1024);
  tree.letGo();
  const answers = await client.answers(65);
  for (const answer of answers.values())
    assert(answer.type === PacketType.DATA && answer.data.length === maxData);
  assert.equal(tree.most, 64);
});

test('a client that asks and does not read is asked to wait, and costs no more than its requests in flight', async (t) => {
  const { tree, session, near } = await slow(t);
  tree.letGo();
  const client = await RawClient.begin(near);
  client.send({
    type: PacketType.OPEN,
    id: 0,
    path: Buffer.from('large'),
    flags: OpenFlag.READ,
    attributes: {},
  });
  const opened = await client.next();
  assert(opened?.type === PacketType.HANDLE);
  near.pause();
  const before = process.memoryUsage().arrayBuffers;
  const { handle } = opened;
  const count = 500;
  for (let n = 0; n < count; n++)
    client.send({ type: PacketType.READ, id: n, handle, offset: 0n, length: maxData });
  while (session.inFlight < 64) await new Promise((resolve) => setImmediate(resolve));
  for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(session.inFlight, 64);
  assert(process.memoryUsage().arrayBuffers - before < 32 * 1024 * 1024);
  near.resume();
  await client.answers(count);
  near.end();
});

test('a session without a greeting, and one without a request, is ended after its time', async (t) => {
  const silent = await slow(t, { greetingTimeout: 50 });
  assert.equal(await silent.end, 'no greeting');
  const idle = await slow(t, { idleTimeout: 50 });
  await RawClient.begin(idle.near);
  assert.equal(await idle.end, 'idle');
});

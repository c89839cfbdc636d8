import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Fuzz, fuzz } from '../../../host/test/fuzz.ts';
import { OpenFlag } from '../src/client/client.ts';
import {
  encodePacket,
  offeredExtensions,
  type Packet,
  PacketType,
  writeCopyData,
  writePathAttributes,
  writeString,
  writeTwoStrings,
} from '../src/codec/index.ts';
import { frame, openBelow, peer, RawClient, served } from './support.ts';

const paths = [
  '.',
  '..',
  '/',
  'f',
  'd',
  'd/f',
  'l',
  '../outside/secret',
  '/share/d/../..',
  'd/l/../x',
  'new',
  'x\0y',
  '',
];

function request({ one, pick, bytes }: Fuzz, handles: readonly Buffer[]): Packet {
  const id = pick(1000);
  const path = Buffer.from(one(paths));
  const handle = handles.length > 0 && pick(4) > 0 ? one(handles) : bytes(pick(20));
  const offset = one([0n, 1n, 5n, 1000n, 2n ** 40n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]);
  const attributes = one([
    {},
    { permissions: pick(0o10000) },
    { size: one([0n, 3n, 2n ** 60n]) },
    { times: { atime: pick(2 ** 31), mtime: 0 } },
    { owner: { uid: pick(3), gid: pick(3) } },
  ]);
  const extended = (name: string, data: Buffer): Packet => ({
    type: PacketType.EXTENDED,
    id,
    request: Buffer.from(name),
    data,
  });
  return one<() => Packet>([
    () => ({ type: PacketType.OPEN, id, path, flags: pick(64), attributes }),
    () => ({
      type: PacketType.OPEN,
      id,
      path,
      flags: OpenFlag.READ | OpenFlag.WRITE | OpenFlag.CREAT,
      attributes,
    }),
    () => ({ type: PacketType.CLOSE, id, handle }),
    () => ({ type: PacketType.READ, id, handle, offset, length: one([0, 1, 100, 300_000, 0xffffffff]) }),
    () => ({ type: PacketType.WRITE, id, handle, offset: one([0n, 10n, 2n ** 53n]), data: bytes(pick(50)) }),
    () => ({ type: PacketType.LSTAT, id, path }),
    () => ({ type: PacketType.STAT, id, path }),
    () => ({ type: PacketType.FSTAT, id, handle }),
    () => ({ type: PacketType.SETSTAT, id, path, attributes }),
    () => ({ type: PacketType.FSETSTAT, id, handle, attributes }),
    () => ({ type: PacketType.OPENDIR, id, path }),
    () => ({ type: PacketType.READDIR, id, handle }),
    () => ({ type: PacketType.REMOVE, id, path }),
    () => ({ type: PacketType.MKDIR, id, path, attributes }),
    () => ({ type: PacketType.RMDIR, id, path }),
    () => ({ type: PacketType.REALPATH, id, path }),
    () => ({ type: PacketType.RENAME, id, oldPath: path, newPath: Buffer.from(one(paths)) }),
    () => ({ type: PacketType.READLINK, id, path }),
    () => ({ type: PacketType.SYMLINK, id, target: Buffer.from(one(paths)), linkPath: path }),
    () => extended('posix-rename@openssh.com', writeTwoStrings(path, Buffer.from(one(paths)))),
    () => extended('hardlink@openssh.com', writeTwoStrings(path, Buffer.from(one(paths)))),
    () => extended('lsetstat@openssh.com', writePathAttributes(path, attributes)),
    () => extended('statvfs@openssh.com', writeString(path)),
    () => extended('fsync@openssh.com', writeString(handle)),
    () =>
      extended(
        'copy-data',
        writeCopyData({
          from: handle,
          offset,
          length: one([0n, 9n, offset]),
          to: one([handle, ...handles]),
          toOffset: 1n,
        }),
      ),
    () => extended(one(offeredExtensions)[0], bytes(pick(40))),
  ])();
}

test('requests of every kind, well and badly made, get one answer each and leave nothing behind', async (t) => {
  const random = fuzz(t);
  const { pick, one, bytes, mutate } = random;
  const here = await served(t);
  await mkdir(join(here.folder, 'outside'));
  await writeFile(join(here.folder, 'outside/secret'), 'secret');
  await mkdir(join(here.share, 'd'));
  await writeFile(join(here.share, 'd/f'), 'content');
  await symlink('../d', join(here.share, 'd/l'));
  for (let rounds = 0; random.goesOn || rounds < 5; rounds++) {
    const client = await RawClient.begin(await here.stream(peer('ada', 'share')));
    const handles: Buffer[] = [];
    for (let batch = 0; batch < 20; batch++) {
      const sent = 1 + pick(30);
      let mutated = 0;
      for (let n = 0; n < sent; n++) {
        const packet = encodePacket(request(random, handles));
        // The length stays true: else the stream ends, which is another test.
        const body = pick(5) === 0 ? mutate(packet.subarray(4), packet.subarray(4)) : packet.subarray(4);
        if (body.length === 0 || body.length > 262_144) mutated++;
        else client.send(frame(body));
      }
      for (let n = 0; n < sent - mutated; n++) {
        const answer = await client.next();
        assert(answer !== undefined, 'the session ended');
        if (answer.type === PacketType.HANDLE) handles.push(answer.handle);
      }
    }
    // Whatever else comes, the session ends, and others do not notice.
    client.send(one([frame(bytes(20), 0xffffffff), bytes(100), frame(bytes(3), 200)]));
    client.stream.destroy();
  }
  await here.sessions(0);
  assert.deepEqual(openBelow(here.folder), []);
  assert.deepEqual(await readdir(join(here.folder, 'outside')), ['secret']);
  assert.equal(await readFile(join(here.folder, 'outside/secret'), 'utf8'), 'secret');
  const defects = here.node.log.filter(({ level }) => level === 'error');
  assert.deepEqual(defects, []);
});

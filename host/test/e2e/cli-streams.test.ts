import assert from 'node:assert/strict';
import { createHash, randomFillSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { shellIn } from './cli-support.ts';
import { eventually, made, up } from './support.ts';

const mirror = `
import { createHash } from 'node:crypto';
import { definePlugin } from '@alknet/sdk';
export default definePlugin({
  name: 'mirror', version: '1.0.0', alpns: ['mirror/echo', 'mirror/digest'],
  start: ({ log }) => ({
    async connection(connection) {
      connection.closed.then(({ by }) => log.warn('closed by the ' + by));
      for await (const stream of connection) {
        stream.on('error', () => {});
        if (connection.alpn === 'mirror/echo') stream.pipe(stream);
        else {
          // Answers only when the other direction has ended.
          const hash = createHash('sha256');
          stream.on('data', (chunk) => hash.update(chunk));
          stream.on('end', () => stream.end(hash.digest('hex')));
        }
      }
    },
  }),
});
`;

const ticker = `
import { defineOperation, definePlugin, Type } from '@alknet/sdk';
export default definePlugin({
  name: 'ticker', version: '1.0.0',
  operations: [defineOperation({
    name: 'ticker/ticks', type: 'subscription', access: 'public', input: Type.Object({}), output: Type.Object({ tick: Type.Integer() }),
    async *handler(_input, { signal, log }) {
      signal.addEventListener('abort', () => log.warn('ticker aborted'));
      for (let tick = 1; !signal.aborted; tick++) { yield { tick }; await new Promise((resolve) => setTimeout(resolve, 5)); }
    },
  })],
});
`;

const config = (name: string) =>
  JSON.stringify({
    dataDir: './data',
    listen: { quic: '127.0.0.1:0', tls: '127.0.0.1:0' },
    plugins: { call: true, [name]: { use: `./${name}.ts`, isolation: 'inline' } },
  });

test('CLI-22 pipe carries 100 MiB of random bytes both ways intact, and half-close lets the answer come after the end', async (t) => {
  const here = await made(t);
  const sh = await shellIn(here);
  await here.write('mirror.ts', mirror);
  await here.write('alknet.config.json', config('mirror'));
  const bytes = randomFillSync(Buffer.allocUnsafe(100 * 1024 * 1024));
  const expected = createHash('sha256').update(bytes).digest('hex');
  await writeFile(join(here.folder, 'bytes'), bytes);
  await up(here);
  const back = await sh('set -o pipefail; alknet pipe local mirror/echo < bytes | sha256sum');
  assert.equal(back.code, 0, back.stderr);
  assert.equal(back.stdout.slice(0, 64), expected);
  const digest = await sh('alknet pipe local mirror/digest --transport tls < bytes');
  assert.equal(digest.code, 0, digest.stderr);
  assert.equal(digest.stdout, expected);
});

test('pipe that is hung up, as ssh does with its ProxyCommand, tells the node', async (t) => {
  const here = await made(t);
  const sh = await shellIn(here);
  await here.write('mirror.ts', mirror);
  await here.write('alknet.config.json', config('mirror'));
  const node = await up(here);
  const { stdout, stderr } = await sh(`
    mkfifo in
    alknet pipe local mirror/echo < in > out & exec 3> in
    echo hello >&3
    until grep -q hello out; do sleep 0.02; done
    kill -HUP $!; wait $!
    echo $?`);
  assert.equal(stdout, '129\n', stderr);
  assert.equal(stderr, '');
  await eventually('its close', () => node.output().includes('closed by the peer'), 5_000);
});

test('CLI-21 subscribe --count 3 prints three lines, and the handler on the node is aborted', async (t) => {
  const here = await made(t);
  await here.write('ticker.ts', ticker);
  await here.write('alknet.config.json', config('ticker'));
  const node = await up(here);
  const out = await here.ok(['subscribe', 'ticker/ticks', '--count', '3']);
  assert.deepEqual(
    out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
    [{ tick: 1 }, { tick: 2 }, { tick: 3 }],
  );
  await eventually('the abort', () => node.output().includes('ticker aborted'));
});

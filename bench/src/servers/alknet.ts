/**
 * A whole alknet node, made as an operator makes one: `alknet init`, a plugin in the configuration, `startNode`.
 *
 * @module
 */

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startNode } from '@alknet/host';
import type { ServeOptions, Server } from '../stack.ts';

const require = createRequire(import.meta.url);
const command = join(dirname(require.resolve('@alknet/host/package.json')), 'bin', 'alknet.js');

/** The source where it is run from source, else what it was compiled to. */
const plugin = ['ts', 'js']
  .map((extension) => fileURLToPath(new URL(`../echo-plugin.${extension}`, import.meta.url)))
  .find((path) => existsSync(path));

export async function serve(stack: 'quic' | 'tls', { udpPayload }: ServeOptions): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), 'alknet-bench-'));
  const configPath = join(folder, 'alknet.config.json');
  const dataDir = join(folder, 'data');
  execFileSync(process.execPath, [
    command,
    'init',
    '--no-passphrase',
    '--quiet',
    '--config',
    configPath,
    '--data',
    dataDir,
  ]);
  const listener = {
    addresses: ['127.0.0.1:0'],
    ...(stack === 'quic' ? { udpPayload, loopbackUdpPayload: udpPayload } : {}),
  };
  await writeFile(
    configPath,
    JSON.stringify({
      dataDir,
      listen: { quic: false, tls: false, [stack]: listener },
      limits: { connectionsPerAddress: 0, connectionsPerIdentity: 65_536 },
      log: { level: 'error' },
      plugins: { call: true, bench: { use: plugin, isolation: 'inline' } },
    }),
  );
  const node = await startNode({ configPath });
  const [bound] = node.addresses;
  if (bound === undefined) throw new Error('the node has no listener');
  return {
    address: {
      host: '127.0.0.1',
      port: bound.address.port,
      pin: node.id,
      identity: join(dataDir, 'operator.key'),
      udpPayload,
    },
    stop: async () => {
      await node.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

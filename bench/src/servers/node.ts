/**
 * Folders of nodes, made by the command as an operator makes them.
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
import type { AlknetNode } from '@alknet/host';
import type { Address } from '../stack.ts';

const require = createRequire(import.meta.url);
export const command = join(dirname(require.resolve('@alknet/host/package.json')), 'bin', 'alknet.js');

/** The source where it is run from source, else what it was compiled to. */
const plugin = ['ts', 'js']
  .map((extension) => fileURLToPath(new URL(`../echo-plugin.${extension}`, import.meta.url)))
  .find((path) => existsSync(path));

/** The entry of the configuration. */
export const echoPlugin = (isolation: 'inline' | 'worker' = 'inline') => ({ use: plugin, isolation });

export interface NodeFolder {
  readonly dataDir: string;
  readonly configPath: string;
  /** Fingerprint of the node. */
  readonly id: string;
  configure(config: object): Promise<void>;
  /** Lets a node in, with the right to call what the bench calls. */
  admit(name: string, id: string): void;
  /** Of an entry with the same right. */
  token(name: string): string;
  address(node: AlknetNode, udpPayload: number): Address;
  remove(): Promise<void>;
}

export async function makeNode(): Promise<NodeFolder> {
  const folder = await mkdtemp(join(tmpdir(), 'alknet-bench-'));
  const configPath = join(folder, 'alknet.config.json');
  const dataDir = join(folder, 'data');
  const run = (...args: string[]) =>
    execFileSync(process.execPath, [command, ...args, '--config', configPath, '--data', dataDir], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  const { id } = JSON.parse(run('init', '--no-passphrase', '--json', '--quiet')) as { id: string };
  return {
    dataDir,
    configPath,
    id,
    configure: (config) =>
      writeFile(
        configPath,
        JSON.stringify({
          dataDir,
          limits: { connections: 20_000, connectionsPerAddress: 0, connectionsPerIdentity: 65_536 },
          log: { level: 'error' },
          ...config,
        }),
      ),
    admit: (name, fingerprint) => {
      run('peer', 'add', name, '--fingerprint', fingerprint, '--scope', 'admin', '--quiet');
    },
    token: (name) => run('token', 'new', name, '--scope', 'admin', '--quiet').trim(),
    address: (node, udpPayload) => {
      const [bound] = node.addresses;
      if (bound === undefined) throw new Error('the node has no listener');
      return {
        host: '127.0.0.1',
        port: bound.address.port,
        pin: node.id,
        identity: join(dataDir, 'operator.key'),
        udpPayload,
      };
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** The folder of a real node that runs in this process: vault, configuration, plugins, peers, and what the node logs. */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { changePeers, ed25519Fingerprint, type IdentityKey, identityKey } from '../src/identity/index.ts';
import { type AlknetNode, startNode } from '../src/node.ts';
import { createVaultFile, IDENTITY, setSecret, unlockVault, Vault } from '../src/vault/index.ts';

type PeersChange = Parameters<typeof changePeers>[1];
type PeerEntry = ReturnType<PeersChange>[number];

export class NodeFolder {
  readonly path: string;
  readonly dataDir: string;
  readonly configPath: string;
  readonly log = new NodeLog();
  /** Of the node, known before it starts. */
  readonly key: IdentityKey;
  #running: AlknetNode | undefined;

  constructor(path: string, key: IdentityKey) {
    this.path = path;
    this.dataDir = join(path, 'data');
    this.configPath = join(path, 'alknet.config.json');
    this.key = key;
  }

  /** Fingerprint of the node. */
  get id(): string {
    return ed25519Fingerprint(this.key.publicKey);
  }

  /** Writes the configuration; a running node may not have taken it yet. */
  configure(config: Readonly<Record<string, unknown>>): Promise<void> {
    return writeFile(this.configPath, JSON.stringify({ dataDir: './data', ...config }));
  }

  /** Writes a plugin of one file, `./NAME.ts` for the configuration. */
  plugin(name: string, source: string): Promise<void> {
    return writeFile(join(this.path, `${name}.ts`), source);
  }

  /** Runs a node with the files as they are. */
  async start(): Promise<AlknetNode> {
    const node = await startNode({ configPath: this.configPath, logStream: this.log });
    this.#running = node;
    return node;
  }

  /** Adds or replaces an entry of `peers.json`, and has it taken by the node that runs. */
  admit(entry: Pick<PeerEntry, 'id'> & Partial<PeerEntry>): Promise<void> {
    const whole = { scopes: [], resources: {}, fingerprints: [], enabled: true, createdAt: now(), ...entry };
    return this.changePeers((entries) => [...entries.filter(({ id }) => id !== entry.id), whole]);
  }

  forget(peer: string): Promise<void> {
    return this.changePeers((entries) => entries.filter(({ id }) => id !== peer));
  }

  async changePeers(change: PeersChange): Promise<void> {
    await changePeers(this.dataDir, change);
    await this.#running?.reload();
  }

  /** Keeps a secret, as `alknet secret set` does. */
  async secret(name: string, value: string): Promise<void> {
    const vault = await unlockVault({ dataDir: this.dataDir, warn: () => {} });
    await setSecret(this.dataDir, vault, name, value, () => {});
    vault.lock();
    await this.#running?.reload();
  }

  async stop(): Promise<void> {
    const node = this.#running;
    this.#running = undefined;
    await node?.stop();
  }

  async remove(): Promise<void> {
    await this.stop();
    await rm(this.path, { recursive: true, force: true });
  }
}

/** With a vault that opens by itself, and no configuration yet. */
export async function nodeFolder(name: string): Promise<NodeFolder> {
  const path = await mkdtemp(join(tmpdir(), `alknet-${name}-`));
  const dataDir = join(path, 'data');
  await mkdir(dataDir, { mode: 0o700 });
  const vault = new Vault();
  vault.unlockNew();
  await createVaultFile(dataDir, vault, { kind: 'keyfile' });
  using derived = vault.deriveEd25519(IDENTITY);
  const key = identityKey(derived.privateKey);
  vault.lock();
  return new NodeFolder(path, key);
}

/** The port of a listener; 0 if there is none. */
export function portOf(node: AlknetNode, transport: 'quic' | 'tls'): number {
  return node.addresses.find((each) => each.transport === transport)?.address.port ?? 0;
}

const now = () => new Date().toISOString();

/** What a node has logged. */
class NodeLog extends Writable {
  text = '';
  readonly #waiting: (() => void)[] = [];

  constructor() {
    super({ decodeStrings: false });
  }

  override _write(chunk: Buffer | string, _encoding: BufferEncoding, done: () => void): void {
    this.text += String(chunk);
    for (const wake of this.#waiting.splice(0)) wake();
    done();
  }

  /** One object a line. */
  lines(): Record<string, unknown>[] {
    return this.text
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line));
  }

  /** Resolves when something more is written. */
  more(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

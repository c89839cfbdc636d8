/** A real node in a temporary directory, with the call plugin and operations to call, and sessions to it. */

import { generateKeyPairSync } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import type { TestContext } from 'node:test';
import { type Connection, silentLog } from '@alknet/sdk';
import { createSession, type Session, type SessionOptions } from '@alknet/sdk/call';
import { defaultSettings, Endpoint, tlsTransport } from '../../../host/src/endpoint/index.ts';
import { quicTransport } from '../../../host/src/endpoint/quic/index.ts';
import {
  changePeers,
  ed25519Fingerprint,
  identityKey,
  makeToken,
  NodeIdentities,
  PeerTable,
  tokenHash,
} from '../../../host/src/identity/index.ts';
import { type AlknetNode, startNode } from '../../../host/src/node.ts';
import { createVaultFile, Vault } from '../../../host/src/vault/index.ts';

/** Operations of the node under test. */
const plugin = `
import { CallError, definePlugin, defineOperation, Type } from '@alknet/sdk';
let aborted = 0;
let ran = 0;
const any = { input: Type.Any(), output: Type.Any() };
const shape = Type.Object({ n: Type.Integer() }, { additionalProperties: false });
export default definePlugin({
  name: 'lab',
  version: '1.0.0',
  requests: { operations: ['lab/*'] },
  operations: [
    defineOperation({ name: 'lab/echo', type: 'query', access: 'public', ...any, handler: (input) => input }),
    defineOperation({ name: 'lab/who', type: 'query', access: 'public', ...any,
      handler: (_input, { identity, forwardedFor }) => ({ id: identity?.id ?? null, for: forwardedFor?.id ?? null }) }),
    defineOperation({ name: 'lab/known', type: 'query', access: 'authenticated', input: shape, output: Type.Any(),
      handler: (input) => { ran++; return input; } }),
    defineOperation({ name: 'lab/admin', type: 'query', access: { scopes: ['lab:admin'] }, input: shape, output: Type.Any(),
      handler: (input) => { ran++; return input; } }),
    defineOperation({ name: 'lab/state', type: 'query', access: 'public', ...any, handler: () => ({ ran, aborted }) }),
    defineOperation({ name: 'lab/wait', type: 'query', access: 'public', ...any,
      handler: (_input, { signal }) => new Promise((_, reject) =>
        signal.addEventListener('abort', () => { aborted++; reject(signal.reason); }, { once: true })) }),
    defineOperation({ name: 'lab/count', type: 'subscription', access: 'public', input: shape, output: Type.Integer(),
      async *handler({ n }) { for (let i = 0; i < n; i++) yield i; } }),
    defineOperation({ name: 'lab/hidden', type: 'query', visibility: 'internal', access: 'public', ...any,
      handler: () => { throw new CallError('NOT_FOUND', 'operation not found: lab/secret-inner'); } }),
    defineOperation({ name: 'lab/composes', type: 'query', access: 'public', ...any,
      handler: (input, { env }) => env.invoke('lab/hidden', input) }),
    defineOperation({ name: 'lab/throws', type: 'query', access: 'public', ...any,
      handler: () => { throw new Error('hunter2'); } }),
  ],
});
`;

export interface Peer {
  readonly id: string;
  readonly key: ReturnType<typeof identityKey>;
  readonly token: string;
}

export interface RealNode {
  readonly node: AlknetNode;
  /** What the node has logged, one JSON object a line. */
  log(): Record<string, unknown>[];
  /** Adds a peer with a key and a token, or replaces the scopes of one. */
  grant(id: string, scopes: readonly string[]): Promise<Peer>;
  revokeToken(id: string): Promise<void>;
  connect(transport: 'quic' | 'tls', as?: Peer, options?: SessionOptions): Promise<Session>;
  /** A connection of the protocol on which nothing is spoken yet. */
  dial(transport: 'quic' | 'tls', as?: Peer): Promise<Connection>;
}

/** In a worker both run in threads of their own: the plugin that serves calls, and the one that answers them. */
export async function realNode(t: TestContext, isolation: 'inline' | 'worker' = 'inline'): Promise<RealNode> {
  const directory = await mkdtemp(join(tmpdir(), 'alknet-call-'));
  const dataDir = join(directory, 'data');
  await mkdir(dataDir, { mode: 0o700 });
  const vault = new Vault();
  vault.unlockNew();
  await createVaultFile(dataDir, vault, { kind: 'keyfile' });
  vault.lock();
  await writeFile(join(directory, 'lab.ts'), plugin);
  const config = {
    dataDir,
    listen: { quic: '127.0.0.1:0', tls: '127.0.0.1:0' },
    limits: { drain: '200ms' },
    plugins: {
      call: { isolation },
      lab: { use: './lab.ts', isolation, grant: { operations: ['lab/*'] } },
    },
  };
  const configPath = join(directory, 'alknet.config.json');
  await writeFile(configPath, JSON.stringify(config));
  const logged: string[] = [];
  const logStream = new Writable({
    write: (chunk, _encoding, done) => {
      logged.push(String(chunk));
      done();
    },
  });
  const node = await startNode({ configPath, logStream });
  const callers: Endpoint[] = [];
  t.after(async () => {
    await Promise.all(callers.map((caller) => caller.close()));
    await node.stop();
    await rm(directory, { recursive: true, force: true });
  });

  const dial = async (transport: 'quic' | 'tls', as?: Peer) => {
    const caller = new Endpoint({
      transports: [quicTransport(), tlsTransport()],
      identities: new NodeIdentities({ key: as?.key ?? null, peers: new PeerTable(), ca: () => undefined }),
      settings: defaultSettings,
      log: silentLog,
    });
    callers.push(caller);
    const address = node.addresses.find((each) => each.transport === transport)?.address;
    if (address === undefined) throw new Error(`the node has no listener of ${transport}`);
    return caller.dial(
      { name: 'node', addresses: [{ host: address.address, port: address.port }], pins: [node.id] },
      { alpn: 'alknet/call', transport },
    );
  };

  const peers = new Map<string, Peer>();
  return {
    node,
    log: () =>
      logged
        .join('')
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line)),
    async grant(id, scopes) {
      const peer = peers.get(id) ?? { id, key: newKey(), token: makeToken() };
      peers.set(id, peer);
      await changePeers(dataDir, (entries) => [
        ...entries.filter((entry) => entry.id !== id),
        {
          id,
          fingerprints: [ed25519Fingerprint(peer.key.publicKey)],
          tokenHash: tokenHash(peer.token),
          scopes,
          resources: {},
          enabled: true,
          createdAt: new Date().toISOString(),
        },
      ]);
      await node.reload();
      return peer;
    },
    async revokeToken(id) {
      await changePeers(dataDir, (entries) =>
        entries.map(({ tokenHash: hash, ...entry }) =>
          entry.id === id || hash === undefined ? entry : { ...entry, tokenHash: hash },
        ),
      );
      await node.reload();
    },
    dial,
    connect: async (transport, as, options = {}) => createSession(await dial(transport, as), options),
  };
}

function newKey() {
  const { d } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  return identityKey(Buffer.from(d ?? '', 'base64url'));
}

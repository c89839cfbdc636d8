/** A real node in a temporary directory, with the call plugin and operations to call, and sessions to it. */

import { generateKeyPairSync } from 'node:crypto';
import type { TestContext } from 'node:test';
import { type Connection, silentLog } from '@alknet/sdk';
import { createSession, type Session, type SessionOptions } from '@alknet/sdk/call';
import { defaultSettings, Endpoint, tlsTransport } from '../../../host/src/endpoint/index.ts';
import { quicTransport } from '../../../host/src/endpoint/quic/index.ts';
import {
  ed25519Fingerprint,
  identityKey,
  makeToken,
  NodeIdentities,
  PeerTable,
  tokenHash,
} from '../../../host/src/identity/index.ts';
import type { AlknetNode } from '../../../host/src/node.ts';
import { nodeFolder } from '../../../host/test/node-folder.ts';

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
  const folder = await nodeFolder('call');
  await folder.plugin('lab', plugin);
  await folder.configure({
    listen: { quic: '127.0.0.1:0', tls: '127.0.0.1:0' },
    limits: { drain: '200ms' },
    plugins: {
      call: { isolation },
      lab: { use: './lab.ts', isolation, grant: { operations: ['lab/*'] } },
    },
  });
  const node = await folder.start();
  const callers: Endpoint[] = [];
  t.after(async () => {
    await Promise.all(callers.map((caller) => caller.close()));
    await folder.remove();
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
    log: () => folder.log.lines(),
    async grant(id, scopes) {
      const peer = peers.get(id) ?? { id, key: newKey(), token: makeToken() };
      peers.set(id, peer);
      await folder.admit({
        id,
        fingerprints: [ed25519Fingerprint(peer.key.publicKey)],
        tokenHash: tokenHash(peer.token),
        scopes,
      });
      return peer;
    },
    revokeToken: (id) =>
      folder.changePeers((entries) =>
        entries.map(({ tokenHash: hash, ...entry }) =>
          entry.id === id || hash === undefined ? entry : { ...entry, tokenHash: hash },
        ),
      ),
    dial,
    connect: async (transport, as, options = {}) => createSession(await dial(transport, as), options),
  };
}

function newKey() {
  const { d } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  return identityKey(Buffer.from(d ?? '', 'base64url'));
}

/** Real nodes in one process, each with its own data directory, that call each other over loopback. */

import type { TestContext } from 'node:test';
import type { Session } from '@alknet/sdk/call';
import { type ConnectOptions, connect } from '../../src/client.ts';
import { type IdentityKey, makeToken, tokenHash } from '../../src/identity/index.ts';
import type { AlknetNode } from '../../src/node.ts';
import { eventually } from '../eventually.ts';
import { nodeFolder, portOf } from '../node-folder.ts';

/** Operations that another node imports. */
export const tool = `
import { CallError, defineOperation, definePlugin, Type } from '@alknet/sdk';
const any = { access: 'authenticated', input: Type.Any(), output: Type.Any() };
const state = { aborted: 0, produced: 0, running: 0 };
const until = (signal) => new Promise((_, reject) => {
  state.running++;
  signal.addEventListener('abort', () => { state.aborted++; reject(signal.reason); }, { once: true });
});
export default definePlugin({
  name: 'tool', version: '1.0.0',
  operations: [
    defineOperation({ ...any, name: 'tool/echo', type: 'query', description: 'Says it back.', handler: (input) => input }),
    defineOperation({ ...any, name: 'tool/who', type: 'query',
      handler: (_input, { identity, forwardedFor }) => ({ id: identity?.id ?? null, for: forwardedFor?.id ?? null }) }),
    defineOperation({ ...any, name: 'tool/add', type: 'mutation', destructive: true, timeoutMs: 9000,
      input: Type.Object({ n: Type.Integer() }), output: Type.Object({ sum: Type.Integer() }),
      errors: [{ code: 'TOO_BIG', schema: Type.Object({ most: Type.Integer() }), httpStatus: 422 }],
      handler: ({ n }) => {
        if (n > 10) throw new CallError('TOO_BIG', 'too big', { details: { most: 10 } });
        return { sum: n + 1 };
      } }),
    defineOperation({ ...any, name: 'tool/owned', type: 'query',
      access: { resource: { type: 'thing', path: '/id' } }, handler: () => 'never' }),
    defineOperation({ ...any, name: 'tool/admin', type: 'query', access: { scopes: ['tool:admin'] }, handler: () => 'admin' }),
    defineOperation({ ...any, name: 'tool/throws', type: 'query', handler: () => { throw new Error('hunter2'); } }),
    defineOperation({ ...any, name: 'tool/odd', type: 'query', handler: () => { throw new CallError('ODD_CODE', 'odd'); } }),
    defineOperation({ ...any, name: 'tool/slow', type: 'query', handler: (_input, { signal }) => until(signal) }),
    defineOperation({ ...any, name: 'tool/state', type: 'query', handler: () => state }),
    defineOperation({ ...any, name: 'tool/count', type: 'subscription',
      async *handler({ to, pad }) {
        for (let n = 1; n <= to; n++) { state.produced = n; yield pad ? { n, pad: 'x'.repeat(pad) } : n; }
      } }),
  ],
});
`;

/** Operations that compose what was imported; what a child throws is given back as a value. */
export const boss = `
import { defineOperation, definePlugin, Type } from '@alknet/sdk';
const any = { access: 'public', input: Type.Any(), output: Type.Any() };
const caught = async (work) => {
  try { return { ok: await work() }; } catch ({ code, message, details }) { return { code, message, details }; }
};
export default definePlugin({
  name: 'boss', version: '1.0.0',
  requests: { operations: ['*', '@*:*'] },
  operations: [
    defineOperation({ ...any, name: 'boss/ask', type: 'query',
      handler: ({ op, input = {}, ...options }, { env }) => caught(() => env.invoke(op, input, options)) }),
    defineOperation({ ...any, name: 'boss/follow', type: 'subscription',
      async *handler({ op, input = {} }, { env }) { yield* env.subscribe(op, input); } }),
    defineOperation({ ...any, name: 'boss/peer', type: 'query',
      handler: ({ peer, op, input = {} }, { env }) => caught(() => env.peer(peer).invoke(op, input)) }),
    defineOperation({ ...any, name: 'boss/watch', type: 'subscription',
      async *handler({ peer, op, input = {} }, { env }) { yield* env.peer(peer).subscribe(op, input); } }),
    defineOperation({ ...any, name: 'boss/peers', type: 'query',
      handler: ({ name }, { env }) => env.peers(name) }),
    defineOperation({ ...any, name: 'boss/can', type: 'query', handler: ({ op }, { env }) => env.can(op) }),
    defineOperation({ ...any, name: 'boss/back', type: 'query',
      handler: ({ op, input = {} }, { connection }) => caught(() => connection.call(op, input)) }),
  ],
});
`;

const grantAll = { operations: ['*', '@*:*'] };

export interface NodeSettings {
  /** Plugin name → source. */
  readonly plugins?: Readonly<Record<string, string>>;
  /** What boss may reach; default everything. */
  readonly reach?: readonly string[];
  readonly peers?: Record<string, unknown>;
  readonly export?: readonly unknown[];
  readonly more?: Record<string, unknown>;
}

export interface LabNode {
  readonly name: string;
  /** Fingerprint, known before it starts. */
  readonly id: string;
  readonly key: IdentityKey;
  readonly folder: string;
  readonly running: AlknetNode;
  readonly port: number;
  readonly address: string;
  start(settings?: NodeSettings): Promise<void>;
  stop(): Promise<void>;
  /** With the files as they are. */
  startAgain(): Promise<void>;
  /** Writes the configuration anew and has it taken. */
  configure(settings: NodeSettings): Promise<void>;
  /** Adds or replaces an entry of its peers.json, and has it taken. */
  admit(
    peer: { readonly name: string; readonly id: string },
    scopes?: readonly string[],
    addresses?: readonly string[],
  ): Promise<void>;
  forget(name: string): Promise<void>;
  /** Keeps a secret, as `alknet secret set` does. */
  secret(name: string, value: string): Promise<void>;
  /** A token for a peer of its peers.json. */
  token(peer: string): Promise<string>;
  /** A session as that node or person. */
  session(as?: IdentityKey, options?: ConnectOptions): Promise<Session>;
  /** One call by a session of its own peer "user". */
  call(name: string, input?: unknown): Promise<unknown>;
  log(): Record<string, unknown>[];
}

/** A node that is not started yet. */
export async function labNode(t: TestContext, name: string): Promise<LabNode> {
  const home = await nodeFolder(name);
  const { id, key, path: folder } = home;
  let running: AlknetNode | undefined;
  let port = 0;
  let settings: NodeSettings = {};
  const sessions = new Set<Session>();
  let user: Promise<Session> | undefined;
  const node = (): AlknetNode => {
    if (running === undefined) throw new Error(`${name} does not run`);
    return running;
  };
  const write = async () => {
    for (const [plugin, source] of Object.entries(settings.plugins ?? {})) await home.plugin(plugin, source);
    const entries = Object.keys(settings.plugins ?? {}).map((plugin) => [
      plugin,
      {
        use: `./${plugin}.ts`,
        isolation: 'inline',
        grant:
          plugin === 'boss' ? { ...grantAll, ...(settings.reach ? { operations: settings.reach } : {}) } : {},
      },
    ]);
    const listen = { quic: `127.0.0.1:${port}`, tls: `127.0.0.1:${port}` };
    await home.configure({
      listen,
      limits: { drain: '200ms' },
      plugins: { call: true, ...Object.fromEntries(entries) },
      peers: settings.peers ?? {},
      export: settings.export ?? [],
      ...settings.more,
    });
  };
  const made: LabNode = {
    name,
    id,
    key,
    folder,
    get running() {
      return node();
    },
    get port() {
      return port;
    },
    get address() {
      return `127.0.0.1:${port}`;
    },
    async start(given = settings) {
      settings = given;
      await write();
      await made.startAgain();
    },
    async startAgain() {
      running = await home.start();
      port = portOf(running, 'quic');
    },
    async stop() {
      for (const session of sessions) session.close();
      sessions.clear();
      user = undefined;
      running = undefined;
      await home.stop();
    },
    async configure(given) {
      settings = given;
      await write();
      await node().reload();
    },
    admit: (peer, scopes = [], addresses) =>
      home.admit({
        id: peer.name,
        fingerprints: [peer.id],
        scopes: [...scopes],
        ...(addresses === undefined ? {} : { addresses: [...addresses] }),
      }),
    forget: (peer) => home.forget(peer),
    secret: (secret, value) => home.secret(secret, value),
    async token(peer) {
      const token = makeToken();
      await home.changePeers((entries) =>
        entries.map((entry) => (entry.id === peer ? { ...entry, tokenHash: tokenHash(token) } : entry)),
      );
      return token;
    },
    async session(as, options = {}) {
      const session = await connect(`127.0.0.1:${port}#${id}`, {
        ...options,
        ...(as === undefined ? {} : { identity: as }),
      });
      sessions.add(session);
      void session.closed.then(() => sessions.delete(session));
      return session;
    },
    async call(operation, input = {}) {
      user ??= made.session();
      return (await user).call(operation, input);
    },
    log: () => home.log.lines(),
  };
  t.after(async () => {
    await made.stop();
    await home.remove();
  });
  return made;
}

/** How `from` names `to` in its configuration. */
export function pinned(to: LabNode, more: Record<string, unknown> = { import: true }) {
  return { addresses: [to.address], fingerprints: [to.id], ...more };
}

export { eventually as until };

export function linkOf(node: LabNode, alias: string) {
  return node.running.status().peers.find((peer) => peer.alias === alias);
}

/** Until the import of an alias stands. */
export async function imported(node: LabNode, alias: string, operations = 1): Promise<void> {
  await eventually(`${alias} imported by ${node.name}`, () => {
    const link = linkOf(node, alias);
    return link?.state === 'online' && link.operations >= operations;
  });
}

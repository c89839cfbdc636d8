/** A real node in a temporary directory with the http plugin and operations to call, and WebSockets to it. */

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { type ConnectOptions, connect, type Session } from '@alknet/sdk/browser';
import { type ClientOptions, WebSocket } from 'ws';
import { makeToken, tokenHash } from '../../../../host/src/identity/index.ts';
import type { AlknetNode } from '../../../../host/src/node.ts';
import { nodeFolder, portOf } from '../../../../host/test/node-folder.ts';

/** Operations of the node under test. */
const lab = `
import { CallError, definePlugin, defineOperation, Type } from '@alknet/sdk';
const any = { input: Type.Any(), output: Type.Any() };
const state = { ran: 0, aborted: 0, children: 0, yielded: 0, ended: 0, asked: null };
const until = (signal, count) => new Promise((_, reject) =>
  signal.addEventListener('abort', () => { state[count]++; reject(signal.reason); }, { once: true }));
const caught = async (work) => {
  try { return { output: await work() }; } catch ({ code, message }) { return { code, message }; }
};
export default definePlugin({
  name: 'lab',
  version: '1.0.0',
  requests: { operations: ['lab/*'], scopes: ['ui'] },
  operations: [
    defineOperation({ name: 'lab/echo', type: 'query', access: 'public', ...any, handler: (input) => input }),
    defineOperation({ name: 'lab/state', type: 'query', access: 'public', ...any, handler: () => state }),
    defineOperation({ name: 'lab/who', type: 'query', access: 'public', ...any,
      handler: (_input, { identity }) => identity?.id ?? null }),
    defineOperation({ name: 'lab/admin', type: 'query', access: { scopes: ['lab:admin'] }, ...any,
      handler: () => { state.ran++; return 'secret'; } }),
    defineOperation({ name: 'lab/hidden', type: 'query', visibility: 'internal', access: 'public', ...any,
      handler: (_input, { signal }) => until(signal, 'children') }),
    defineOperation({ name: 'lab/wait', type: 'query', access: 'public', timeoutMs: 600000, ...any,
      handler: (_input, { signal }) => { state.ran++; return until(signal, 'aborted'); } }),
    defineOperation({ name: 'lab/parent', type: 'query', access: 'public', ...any,
      handler: (_input, { env }) => env.invoke('lab/hidden') }),
    defineOperation({ name: 'lab/sleep', type: 'query', access: 'public', ...any,
      handler: (ms) => new Promise((done) => setTimeout(done, ms, ms)) }),
    defineOperation({ name: 'lab/count', type: 'subscription', access: 'public', ...any,
      async *handler({ to = Infinity, size = 0, child = false }, { env, signal }) {
        try {
          if (child) void env.invoke('lab/hidden').catch(() => {});
          for (let n = 1; n <= to && !signal.aborted; n++) {
            state.yielded = n;
            yield size === 0 ? n : { n, fill: 'x'.repeat(size) };
            // As a source that is asked, not a loop that hogs the process.
            await new Promise(setImmediate);
          }
        } finally { state.ended++; }
      } }),
    defineOperation({ name: 'lab/ask', type: 'mutation', access: 'public', ...any,
      handler: ({ name, input, timeoutMs }, { connection }) =>
        caught(() => connection.call(name, input, timeoutMs === undefined ? {} : { timeoutMs }))
          .then((result) => (state.asked = result)) }),
    defineOperation({ name: 'lab/follow', type: 'mutation', access: 'public', ...any,
      handler: ({ name, input }, { connection }) => caught(async () => {
        const values = [];
        for await (const value of connection.subscribe(name, input)) values.push(value);
        return values;
      }) }),
    defineOperation({ name: 'lab/order', type: 'mutation', access: 'authenticated', title: 'Order books',
      description: 'Orders books, and tells what they come to. Nothing is sent.',
      errors: [{ code: 'NO_BOOK', description: 'There is none of that title.', schema: Type.Object({ title: Type.String() }) }],
      input: Type.Object({
        title: Type.String({ minLength: 1, maxLength: 80, description: 'as it stands on the cover' }),
        copies: Type.Integer({ minimum: 1, maximum: 10 }),
        gift: Type.Optional(Type.Boolean()),
        cover: Type.Optional(Type.Union([Type.Literal('hard'), Type.Literal('soft')])),
        notes: Type.Optional(Type.Array(Type.String())),
        to: Type.Optional(Type.Object({ name: Type.String(), street: Type.Optional(Type.String()) })),
        more: Type.Optional(Type.Any()),
      }, { additionalProperties: false }),
      output: Type.Any(),
      handler: (input, { identity }) => {
        if (input.title === 'none') throw new CallError('NO_BOOK', 'no such book', { details: { title: 'none' } });
        return { by: identity?.id, ...input };
      } }),
    defineOperation({ name: 'lab/peer', type: 'query', access: 'public', ...any,
      handler: ({ id, name }, { env }) => caught(() => env.peer(id).invoke(name)) }),
  ],
});
`;

/** Has the same operations for asking, and no authority at all. */
const bare = `
import { definePlugin, defineOperation, Type } from '@alknet/sdk';
export default definePlugin({
  name: 'bare',
  version: '1.0.0',
  operations: [
    defineOperation({ name: 'bare/ask', type: 'mutation', access: 'public', input: Type.Any(), output: Type.Any(),
      handler: async ({ name, input }, { connection }) => {
        try { return { output: await connection.call(name, input) }; } catch ({ code, message }) { return { code, message }; }
      } }),
  ],
});
`;

export interface LabNode {
  readonly node: AlknetNode;
  readonly directory: string;
  readonly port: number;
  readonly origin: string;
  readonly log: () => string;
  /** Adds or replaces a peer; its token. */
  grant(id: string, scopes?: readonly string[]): Promise<string>;
  disable(id: string): Promise<void>;
  /** A session as a page has it. */
  connect(token?: string, options?: ConnectOptions): Promise<Session>;
  /** A bare WebSocket: what comes is read as envelopes. */
  raw(token: string | undefined, options?: RawOptions): Promise<RawSocket>;
  /** The status of an upgrade that is refused. */
  refused(options: RawOptions): Promise<{ status: number; headers: Record<string, unknown>; body: string }>;
}

export interface RawOptions extends ClientOptions {
  readonly protocols?: string[];
  readonly path?: string;
}

export async function labNode(
  t: TestContext,
  http: object = {},
  limits: object = {},
  isolation: 'inline' | 'worker' = 'inline',
): Promise<LabNode> {
  const folder = await nodeFolder('ws');
  await folder.plugin('lab', lab);
  await folder.plugin('bare', bare);
  await folder.configure({
    listen: { quic: false, tls: '127.0.0.1:0' },
    limits: { drain: '200ms', ...limits },
    plugins: {
      http: { isolation, config: http },
      lab: { use: './lab.ts', grant: { operations: ['lab/*'], scopes: ['ui'] } },
      bare: { use: './bare.ts' },
    },
  });
  const node = await folder.start();
  const port = portOf(node, 'tls');
  const origin = `https://127.0.0.1:${port}`;
  const open = new Set<{ close(): void } | { terminate(): void }>();
  // The timers of sessions keep no process alive.
  const stayAlive = setInterval(() => {}, 60_000);
  t.after(async () => {
    for (const socket of open) {
      if ('terminate' in socket) socket.terminate();
      else socket.close();
    }
    await folder.remove();
    clearInterval(stayAlive);
  });

  const socketTo = ({ protocols = [], path = '/alknet/call', ...options }: RawOptions = {}) =>
    new WebSocket(`wss://127.0.0.1:${port}${path}`, protocols, { rejectUnauthorized: false, ...options });

  return {
    node,
    directory: folder.path,
    port,
    origin,
    log: () => folder.log.text,
    async grant(id, scopes = []) {
      const token = makeToken();
      await folder.admit({ id, scopes, tokenHash: tokenHash(token) });
      return token;
    },
    disable: (id) =>
      folder.changePeers((entries) =>
        entries.map((entry) => (entry.id === id ? { ...entry, enabled: false } : entry)),
      ),
    async connect(token, options = {}) {
      const session = await connect(origin, {
        ...(token === undefined ? {} : { token }),
        WebSocket: SelfSigned,
        ...options,
      });
      open.add(session);
      return session;
    },
    async raw(token, options = {}) {
      const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const socket = socketTo({ ...options, headers: { ...headers, ...options.headers } });
      open.add(socket);
      const raw = new RawSocket(socket);
      await once(socket, 'open');
      return raw;
    },
    async refused(options) {
      const socket = socketTo(options);
      open.add(socket);
      const [, response] = await Promise.race([
        once(socket, 'unexpected-response'),
        once(socket, 'open').then(() => Promise.reject(new Error('the upgrade was accepted'))),
      ]);
      let body = '';
      for await (const chunk of response) body += chunk;
      return { status: response.statusCode, headers: response.headers, body };
    },
  };
}

/** What the browser's own class is to a page; the node's certificate is its own. */
class SelfSigned extends WebSocket {
  constructor(url: string, protocols: string[]) {
    super(url, protocols, { rejectUnauthorized: false });
  }
}

export interface Envelope {
  readonly type: string;
  readonly id: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** A client that speaks envelopes by hand. */
export class RawSocket {
  readonly socket: WebSocket;
  readonly seen: Envelope[] = [];
  /** The messages as they came. */
  readonly messages: { readonly bytes: Buffer; readonly binary: boolean }[] = [];
  closed: { readonly code: number; readonly reason: string } | undefined;
  #wake: (() => void)[] = [];

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (bytes: Buffer, binary: boolean) => {
      this.messages.push({ bytes, binary });
      this.seen.push(JSON.parse(bytes.toString('utf8')));
      this.#tell();
    });
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString('utf8') };
      this.#tell();
    });
    socket.on('error', () => {});
  }

  send(type: string, id: string, payload: unknown = {}): void {
    this.socket.send(JSON.stringify({ type, id, payload }), { binary: true });
  }

  request(name: string, input: unknown = null, more: object = {}): string {
    const id = randomUUID();
    this.send('call.requested', id, { operationId: `/${name}`, input, ...more });
    return id;
  }

  /** Envelopes of that id, in order, once there are so many. */
  async of(id: string, count = 1): Promise<Envelope[]> {
    const mine = () => this.seen.filter((envelope) => envelope.id === id);
    await this.#until(() => mine().length >= count, `${count} envelopes of ${id}`);
    return mine();
  }

  /** The next request of the node for that operation. */
  async requested(name: string): Promise<Envelope> {
    const found = () =>
      this.seen.find(
        ({ type, payload }) => type === 'call.requested' && payload['operationId'] === `/${name}`,
      );
    await this.#until(() => found() !== undefined, `a request for ${name}`);
    const envelope = found();
    if (envelope === undefined) throw new Error('unreachable');
    return envelope;
  }

  async end(): Promise<{ readonly code: number; readonly reason: string }> {
    await this.#until(() => this.closed !== undefined, 'a close frame');
    if (this.closed === undefined) throw new Error('unreachable');
    return this.closed;
  }

  async #until(holds: () => boolean, what: string): Promise<void> {
    while (!holds()) {
      if (this.closed !== undefined)
        throw new Error(`waited for ${what}; closed with ${this.closed.code} ${this.closed.reason}`);
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  #tell(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

/**
 * A plugin that touches every member of `host`, of a context and of a connection; what runs it alike inline and in a
 * thread carries the contract.
 */

import { createHash } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  CallError,
  type Connection,
  defineOperation,
  definePlugin,
  type HttpRoute,
  type PluginHost,
  type Stream,
  Type,
} from '@alknet/sdk';
import { createSession } from '@alknet/sdk/call';

let host: PluginHost<{ greeting: string }>;
let greeting = '';
const seen: string[] = [];
let made = 0;
let seenIdentity: unknown;

const Text = Type.String();
const Anything = Type.Unknown();
const open = { access: 'public' } as const;

const operations = [
  defineOperation({
    ...open,
    name: 'all/add',
    type: 'query',
    input: Type.Object({ a: Type.Number(), b: Type.Number({ default: 1 }) }),
    output: Type.Object({ sum: Type.Number() }),
    handler: async ({ a, b }) => ({ sum: a + b }),
  }),
  defineOperation({
    ...open,
    name: 'all/fail',
    type: 'mutation',
    input: Type.Object({ how: Text }),
    output: Type.Null(),
    errors: [{ code: 'BOOK_TAKEN', schema: Type.Object({ until: Text }) }],
    handler: ({ how }) => {
      if (how === 'declared')
        throw new CallError('BOOK_TAKEN', 'that book is out', { details: { until: 'May' } });
      if (how === 'undeclared') throw new CallError('NO_SUCH_THING', 'secret words');
      if (how === 'refused') throw new CallError('FORBIDDEN', 'not yours');
      if (how === 'unsendable') return (() => {}) as never;
      throw new RangeError('secret words');
    },
  }),
  defineOperation({
    ...open,
    name: 'all/context',
    type: 'query',
    input: Type.Object({}),
    output: Anything,
    handler: (_input, context) => {
      const { operation, requestId, parentId, identity, caller, forwardedFor, internal, depth } = context;
      const left = context.deadline === undefined ? undefined : context.deadline - performance.now();
      context.metadata.set('one', 1);
      let frozen = false;
      try {
        Object.assign(context, { internal: !internal });
      } catch {
        frozen = true;
      }
      return {
        operation,
        requestId,
        parentId: parentId ?? null,
        identity,
        caller,
        forwardedFor,
        internal,
        depth,
        left: left === undefined ? null : Math.ceil(left / 10_000),
        aborted: context.signal.aborted,
        connection: context.connection?.id ?? null,
        metadata: context.metadata.size,
        frozen,
      };
    },
  }),
  defineOperation({
    ...open,
    name: 'all/wait',
    type: 'query',
    input: Type.Object({}),
    output: Type.Null(),
    handler: (_input, { signal }) =>
      new Promise<null>((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          seen.push(`aborted ${signal.reason instanceof CallError ? signal.reason.code : 'otherwise'}`);
          reject(signal.reason);
        });
      }),
  }),
  defineOperation({
    ...open,
    name: 'all/count',
    type: 'subscription',
    input: Type.Object({ to: Type.Number(), failAt: Type.Optional(Type.Number()) }),
    output: Type.Number(),
    errors: [{ code: 'ENOUGH' }],
    async *handler({ to, failAt }) {
      made = 0;
      try {
        for (let n = 1; n <= to; n++) {
          if (n === failAt) throw new CallError('ENOUGH', 'no more');
          made = n;
          yield n;
        }
      } finally {
        seen.push('left');
      }
    },
  }),
  defineOperation({
    ...open,
    name: 'all/made',
    type: 'query',
    input: Type.Object({}),
    output: Type.Number(),
    handler: () => made,
  }),
  defineOperation({
    ...open,
    name: 'all/compose',
    type: 'query',
    input: Type.Object({}),
    output: Anything,
    handler: async (_input, { env }) => {
      const sum = await env.invoke('other/double', { n: 21 });
      const values: unknown[] = [];
      for await (const value of env.subscribe('other/letters', {})) values.push(value);
      const first = env.subscribe('other/letters', {})[Symbol.asyncIterator]();
      await first.next();
      await first.return?.();
      const refused = await env.invoke('beyond/reach', {}).catch((error: CallError) => error.code);
      return { sum, values, refused, can: [env.can('other/double'), env.can('beyond/reach')] };
    },
  }),
  defineOperation({
    ...open,
    name: 'all/bytes',
    type: 'query',
    input: Type.Object({ data: Type.String({ contentEncoding: 'base64' }) }),
    output: Type.Object({ hash: Text }),
    handler: ({ data }) => ({
      hash: createHash('sha256')
        .update(data as unknown as Uint8Array)
        .digest('hex'),
    }),
  }),
  defineOperation({
    ...open,
    name: 'all/seen',
    type: 'query',
    input: Type.Object({}),
    output: Type.Array(Text),
    handler: () => [...seen],
  }),
  defineOperation({
    ...open,
    name: 'all/do',
    type: 'mutation',
    input: Type.Object({ what: Text, text: Type.Optional(Text) }),
    output: Anything,
    handler: async ({ what, text = '' }, context) => {
      const done = deeds[what];
      if (done === undefined) throw new Error(`no deed ${what}`);
      return (await done(text, context.capabilities, context.log)) ?? null;
    },
  }),
];

type Deed = (text: string, capabilities: PluginHost['capabilities'], log: PluginHost['log']) => unknown;

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined) =>
  value === undefined ? null : new TextDecoder().decode(value);

const deeds: Readonly<Record<string, Deed>> = {
  config: () => ({ ...host.config, greeting }),
  node: () => ({ ...host.node, frame: host.limits.frame }),
  dataDir: () => host.dataDir,
  log: (what, _capabilities, log) => {
    host.log.info('plain', { what });
    host.log.child({ part: 'x' }).warn('child', { error: new RangeError('bad'), made: () => 1 });
    log.notice('of a call', { what });
    return host.log.enabled('error');
  },
  async store() {
    const { store } = host;
    const stop = new AbortController();
    const changes: unknown[] = [];
    const watching = (async () => {
      for await (const { key, value } of store.watch('a/', { signal: stop.signal })) {
        changes.push([key, text(value)]);
        if (changes.length === 3) return;
      }
    })();
    const first = await store.put('a/1', bytes('one'));
    await store.put('b/1', bytes('other'));
    const stale = await store.put('a/1', bytes('no'), { ifRevision: first.revision + 7 }).catch(codeOf);
    await store.put('a/2', bytes('two'), { ifRevision: 0 });
    const bad = await store.put('no key', bytes('')).catch(codeOf);
    await store.delete('a/1');
    await watching;
    stop.abort();
    const listed: unknown[] = [];
    for await (const { key, value } of store.list('')) listed.push([key, text(value)]);
    return { changes, stale, bad, listed, gone: (await store.get('a/1')) ?? null };
  },
  capabilities: (_text, capabilities) => {
    let refused = '';
    try {
      JSON.stringify(capabilities);
    } catch (error) {
      refused = String(error);
    }
    const copy = capabilities.clone();
    copy.dispose();
    return {
      names: capabilities.names(),
      length: capabilities.get('weather')?.length,
      own: host.capabilities.get('weather') === capabilities.get('weather'),
      none: capabilities.get('nothing') ?? null,
      key: capabilities.key('ssh.hostKey') === undefined,
      refused,
    };
  },
  identity: (token) => {
    const known = host.identity.resolveToken(token);
    return [known ?? null, host.identity.resolveFingerprint('ed25519:00') ?? null];
  },
  watchIdentities: (token) => {
    seenIdentity = undefined;
    const stop = host.identity.onChange(() => {
      stop();
      seenIdentity = host.identity.resolveToken(token) ?? null;
    });
    return true;
  },
  seenIdentity: () => seenIdentity ?? 'nothing',
  async dispatch(token) {
    const inner = new PassThrough();
    const identity = host.identity.resolveToken(token) ?? null;
    const closed = await host.dispatch('inner/1', inner, { identity, transport: 'channel' });
    return closed;
  },
  async refusedDispatch() {
    const inner = new PassThrough();
    const code = await host.dispatch('nobody/1', inner, {}).catch(codeOf);
    inner.end('still mine');
    const chunks: Buffer[] = [];
    for await (const chunk of inner) chunks.push(chunk);
    return [code, Buffer.concat(chunks).toString()];
  },
  async dial(target) {
    const connection = await host.dial(target, { timeoutMs: 1000 });
    const stream = await connection.openStream();
    stream.end('ping');
    const answer = await read(stream);
    connection.close(7, 'thanks');
    return { answer, closed: await connection.closed };
  },
  lostDial: async () => (await host.dial('lost')).closed,
  failedDial: () => host.dial('nowhere').catch((error: Error) => error.message),
  async operations() {
    const sum = await host.operations.invoke('other/double', { n: 4 });
    const refused = await host.operations.invoke('other/double', { n: 'x' }).catch(codeOf);
    return { sum, refused };
  },
  metrics: () => {
    host.metrics.counter('calls', 'Calls.').add(2, { kind: 'a' });
    host.metrics.gauge('level', 'Level.').set(3);
    host.metrics.histogram('size', 'Size.').record(4);
  },
  async contributions(input) {
    const surface = host.contributions('all-surface');
    return Promise.all(
      surface.current.map(async ({ plugin, value }) => {
        const { name, run } = value as { name: string; run: (input: string) => Promise<string> };
        return [plugin, name, await run(input)];
      }),
    );
  },
};

const codeOf = (error: { code?: unknown }) => error.code ?? String(error);

async function read(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** What a stream's first line asks for. */
const behaviours: Readonly<Record<string, (stream: Stream, connection: Connection) => Promise<unknown>>> = {
  echo: (stream) => pipeline(stream, stream),
  /** Answers when it has read to the end: the other side has half-closed and waits. */
  length: async (stream) => {
    stream.end(String(await lengthOf(stream)));
  },
  /** Reads nothing at all until it is told to by the next stream. */
  stall: async (stream) => {
    stalled = stream;
  },
  release: async (stream) => {
    stream.end('released');
    stalled?.end(String(await lengthOf(stalled)));
  },
  pour: async (stream) => {
    stream.on('error', (error: { code?: string; streamCode?: number }) =>
      seen.push(`pour ${error.code} ${error.streamCode}`),
    );
    const chunk = Buffer.alloc(16_384, 1);
    while (!stream.destroyed) {
      if (!stream.write(chunk))
        await new Promise((resolve) => stream.once('drain', resolve).once('close', resolve));
    }
  },
  reset: async (stream) => {
    stream.destroy(Object.assign(new Error('enough'), { streamCode: 77 }));
  },
  tellReset: async (stream) => {
    stream.on('error', (error: { code?: string; streamCode?: number }) =>
      seen.push(`peer ${error.code} ${error.streamCode}`),
    );
    stream.resume();
    stream.write('ready');
  },
  callBack: async (stream, connection) => {
    stream.end();
    const own = await connection.openStream();
    own.end(`opened by the plugin on ${connection.id === '' ? 'nothing' : connection.alpn}`);
  },
  close: async (_stream, connection) => connection.close(42, 'that was all'),
  throw: async () => {
    throw new Error('the connection of a plugin that throws');
  },
  identify: async (stream, connection) => {
    const identity = { id: 'all:alice', scopes: [], resources: {} };
    connection.identify(identity);
    let again = '';
    try {
      connection.identify(identity);
    } catch (error) {
      again = String(error).replace(connection.id, 'ID');
    }
    stream.end(again);
  },
  facts: async (stream, connection) => {
    const { alpn, transport, remote, serverName, multiplexed, auth } = connection;
    const id = connection.id.length > 0;
    stream.end(JSON.stringify({ id, alpn, transport, remote, serverName, multiplexed, auth }));
  },
};

let stalled: Stream | undefined;

/** To its end, which leaves the other direction open. */
function lengthOf(stream: Stream): Promise<number> {
  let length = 0;
  stream.on('data', (chunk: Buffer) => {
    length += chunk.length;
  });
  return new Promise((resolve) => stream.once('end', () => resolve(length)));
}

async function serve(connection: Connection): Promise<void> {
  if (connection.alpn === 'all/call') return serveCalls(connection);
  connection.signal.addEventListener('abort', () => seen.push('let go'));
  const work: Promise<unknown>[] = [];
  let fail: (error: unknown) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => {});
  const each = async () => {
    for await (const stream of connection) {
      const line = await firstLine(stream);
      const behave = behaviours[line];
      if (behave === undefined) stream.end(`no behaviour ${line}`);
      else work.push(behave(stream, connection).catch((error) => line === 'throw' && fail(error)));
    }
    await Promise.all(work);
    seen.push('streams over');
  };
  await Promise.race([each(), failed]);
}

async function serveCalls(connection: Connection): Promise<void> {
  const gateway = host.operations.gateway(connection.auth, connection);
  const session = createSession(connection, { serve: gateway.server, limits: host.limits, log: host.log });
  gateway.attach(session);
  await session.closed;
}

function firstLine(stream: Stream): Promise<string> {
  return new Promise((resolve, reject) => {
    let line = '';
    const onReadable = () => {
      for (;;) {
        const byte: Buffer | null = stream.read(1);
        if (byte === null) return;
        if (byte.toString() === '\n') {
          stream.off('readable', onReadable);
          return resolve(line);
        }
        line += byte.toString();
      }
    };
    stream.on('readable', onReadable).once('error', reject);
  });
}

const route: HttpRoute = {
  method: ['GET', 'POST'],
  path: '/all/:name',
  body: 'stream',
  handler: async (request, { identity, signal }) => {
    const url = new URL(request.url);
    if (url.pathname === '/all/decline') return undefined;
    if (url.pathname === '/all/throw') throw new TypeError('no such route');
    if (url.pathname === '/all/echo') {
      return new Response(request.body, {
        status: 201,
        headers: { 'x-method': request.method, 'x-from': request.headers.get('x-from') ?? '' },
      });
    }
    if (url.pathname === '/all/abort') {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      return new Response(String(signal.reason));
    }
    return Response.json({ identity, name: url.pathname });
  },
};

export default definePlugin({
  name: 'all',
  version: '1.2.3',
  alpns: ['all/1', 'all/call'],
  config: Type.Object({ greeting: Type.String({ default: 'hello' }) }),
  requests: {
    operations: ['other/*'],
    secrets: ['weather', 'ssh.hostKey'],
    gateway: true,
    dispatch: ['inner/1'],
  },
  operations,
  contributes: {
    http: [route],
    'all-tools': { commands: [{ name: 'greet', run: (name: string) => `hi ${name}` }] },
  },
  start: (given) => {
    host = given;
    greeting = given.config.greeting;
    given.signal.addEventListener('abort', () => {
      seen.push('signal');
      given.log.info('signal', { reason: String(given.signal.reason) });
    });
    return {
      connection: serve,
      configure: (config) => {
        if (config.greeting === 'rude') throw new Error('mind your language');
        greeting = config.greeting;
      },
      drain: () => {
        given.log.info('drained');
      },
      stop: () => {
        given.log.info('stopped');
      },
    };
  },
});

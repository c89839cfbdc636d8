import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { after, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { defineOperation, definePlugin, type Plugin, Type } from '../../src/index.ts';
import {
  type ConformanceOptions,
  conformance,
  conformanceChecks,
  createTestNode,
  memoryDriver,
} from '../../src/testing/index.ts';

const add = defineOperation({
  name: 'sum/add',
  type: 'query',
  access: { scopes: ['sum:add'] },
  input: Type.Object({ a: Type.Number(), b: Type.Integer({ minimum: 3 }) }),
  output: Type.Number(),
  handler: ({ a, b }) => a + b,
});

const ticks = defineOperation({
  name: 'sum/ticks',
  type: 'subscription',
  access: 'public',
  input: Type.Object({ everyMs: Type.Integer({ minimum: 1, default: 5 }) }),
  output: Type.Integer(),
  async *handler({ everyMs }, { signal }) {
    for (let n = 0; ; n++) {
      yield n;
      await wait(everyMs, undefined, { signal });
    }
  },
});

const hidden = defineOperation({
  name: 'sum/hidden',
  type: 'query',
  visibility: 'internal',
  access: 'authenticated',
  input: Type.Object({}),
  output: Type.Null(),
  handler: () => null,
});

const sum = definePlugin({
  name: 'sum',
  version: '1.2.3',
  alpns: ['sum/echo'],
  operations: [add, ticks, hidden],
  start: () => ({
    async connection(connection) {
      for await (const stream of connection) void pipeline(stream, stream).catch(() => {});
    },
  }),
});

const folder = mkdtempSync(join(tmpdir(), 'alknet-conformance-'));
after(() => rmSync(folder, { recursive: true }));

/** A `package.json` that is right, but for what is given. */
function manifest(name: string, alknet: Record<string, unknown> = {}, version = '1.2.3'): string {
  const path = join(folder, `${name}.json`);
  writeFileSync(join(folder, 'plugin.ts'), '');
  const right = { plugin: './plugin.ts', name: 'sum', alpns: ['sum/echo'], sdk: '^0.1.0' };
  writeFileSync(path, JSON.stringify({ version, alknet: { ...right, ...alknet } }));
  return path;
}

const options: ConformanceOptions = {
  manifest: manifest('right'),
  streams: { 'sum/echo': { send: 'hello', receive: 'hello' } },
  patience: 300,
};

conformance(sum, options);
conformance({ ...sum, operations: [] }, { ...options, driver: { ...memoryDriver(sum), name: 'elsewhere' } });

/** What fails, as `title: message`. */
async function faults(plugin: Plugin, changed: ConformanceOptions = {}): Promise<string[]> {
  const found: string[] = [];
  for (const { title, run } of conformanceChecks(plugin, { ...options, ...changed })) {
    await run().catch((error: unknown) => {
      found.push(`${title}: ${error instanceof Error ? error.message : String(error)}`);
    });
  }
  return found;
}

/** The suite finds exactly these faults. */
async function finds(expected: readonly RegExp[], plugin: Plugin, changed?: ConformanceOptions) {
  const found = await faults(plugin, changed);
  const text = found.join('\n');
  for (const pattern of expected) assert.match(text, pattern);
  assert.equal(found.length, expected.length, text);
}

test('a manifest that differs from the code in any member is found, with both values', async () => {
  const differing = [
    [manifest('name', { name: 'other' }), /alknet\.name says "other", and the code says "sum"/],
    [manifest('version', {}, '2.0.0'), /version says "2\.0\.0", and the code says "1\.2\.3"/],
    [manifest('alpns', { alpns: [] }), /alknet\.alpns says \[\], and the code says \["sum\/echo"\]/],
    [manifest('requests', { requests: { gateway: true } }), /alknet\.requests says \{"gateway":true\}/],
    [manifest('sdk', { sdk: undefined }), /alknet\.sdk: expected the range/],
    [manifest('module', { plugin: './dist/none.js' }), /none\.js is not there; build the package first/],
  ] as const;
  for (const [path, pattern] of differing)
    await finds([pattern], { ...sum, operations: [] }, { manifest: path });
});

test('names outside of the plugin, and schemas that cannot be used, are found', async () => {
  await finds(
    [/ALPN "other\/echo": expected .* begin with sum\//],
    {
      ...sum,
      alpns: ['other/echo'],
      operations: [],
    },
    { manifest: false, streams: {} },
  );
  await finds(
    [/operation other\/add: expected a name that begins with sum\//],
    {
      ...sum,
      alpns: [],
      operations: [{ ...add, name: 'other/add' }],
    },
    { manifest: false },
  );
});

test('what start leaves behind is found, with the place where it was made', async () => {
  let timer: NodeJS.Timeout | undefined;
  after(() => clearInterval(timer));
  await finds(
    [
      /start and stop leave nothing behind: after stop\(\) there is still a timer, made at .*conformance\.test\.ts/,
    ],
    {
      ...sum,
      operations: [],
      start: (host) => {
        timer = setInterval(() => {}, 1000).unref();
        return sum.start?.(host) ?? {};
      },
    },
  );
  const servers = [createServer()];
  after(() => servers.map((server) => server.close()));
  await finds([/still a tcpserver handle, made at .*conformance/], {
    ...sum,
    operations: [],
    start: async (host) => {
      const server = createServer();
      servers.push(server);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return (await sum.start?.(host)) ?? {};
    },
  });
  const listener = () => {};
  after(() => process.removeAllListeners('SIGUSR2'));
  await finds([/still a listener of process "SIGUSR2"/], {
    ...sum,
    operations: [],
    start: (host) => {
      process.on('SIGUSR2', () => listener());
      return sum.start?.(host) ?? {};
    },
  });
});

test('what is ended by stop or by the signal of the host is not found', async () => {
  await finds([], {
    ...sum,
    start: async (host) => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const timer = setInterval(() => {}, 1000);
      host.signal.addEventListener('abort', () => clearInterval(timer), { once: true });
      const running = (await sum.start?.(host)) ?? {};
      let closed: Promise<void> | undefined;
      return {
        ...running,
        stop: () => {
          closed ??= new Promise((resolve) => server.close(() => resolve()));
          return closed;
        },
      };
    },
  });
});

test('a stop that fails the second time, or never ends, is found', async () => {
  const stopping = (stop: () => Promise<void> | void): Plugin => {
    return {
      ...sum,
      operations: [],
      start: (host) => Promise.resolve(sum.start?.(host)).then((running) => ({ ...running, stop })),
    };
  };
  let stops = 0;
  const fragile = stopping(() => {
    if (++stops % 2 === 0) throw new Error('stopped already');
  });
  const [twice] = conformanceChecks(fragile, options).filter(
    ({ title }) => title === 'stop may be called twice',
  );
  await assert.rejects(twice?.run() ?? Promise.resolve(), /a second stop\(\) failed: Error: stopped already/);
  const found = await faults(stopping(() => new Promise(() => {})));
  assert.equal(
    found.filter((fault) => /stop\(\) and what it ends, connection\(\) included, did not end/.test(fault))
      .length,
    4,
  );
});

test('a connection handler that outlives its connection is found', async () => {
  const found = await faults({
    ...sum,
    operations: [],
    start: () => ({
      connection: async (connection) => {
        for await (const stream of connection) void pipeline(stream, stream).catch(() => {});
        await new Promise(() => {});
      },
    }),
  });
  assert.match(
    found.join('\n'),
    /lets go of a connection that the client closed: connection\(\) of sum\/echo goes on/,
  );
  assert.match(found.join('\n'), /stop ends calls, streams and connections: stop\(\) and what it ends/);
});

test('a side of a stream that never ends, and another answer than the sample, are found', async () => {
  const serving = (serve: (stream: import('node:stream').Duplex) => void): Plugin => ({
    ...sum,
    operations: [],
    start: () => ({
      async connection(connection) {
        for await (const stream of connection) serve(stream);
      },
    }),
  });
  const open = await faults(serving((stream) => stream.resume()));
  assert.match(open.join('\n'), /on one of many: sum\/echo did not end its side of a stream/);
  const wrong = await faults(serving((stream) => stream.resume().end('bye')));
  assert.match(
    wrong.join('\n'),
    /on a single stream: sum\/echo: expected to receive "hello", received "bye"/,
  );
  const endless = serving((stream) => {
    const push = setInterval(() => stream.write('hello'), 5);
    stream.resume().on('close', () => clearInterval(push));
  });
  await finds([], endless, { streams: { 'sum/echo': { receive: 'hellohello', endless: true } } });
  const silent = await faults(
    serving((stream) => stream.resume()),
    {
      streams: { 'sum/echo': { send: 'hello', endless: true } },
    },
  );
  assert.match(silent.join('\n'), /went silent when the client had ended its side/);
});

test('a stream whose reset ends the whole connection is found', async () => {
  await finds(
    [/outlives the reset of a stream: sum\/echo: the reset of one stream ended the whole connection/],
    {
      ...sum,
      operations: [],
      start: () => ({
        async connection(connection) {
          const served: Promise<void>[] = [];
          let failed: (error: unknown) => void = () => {};
          const failure = new Promise<never>((_resolve, reject) => {
            failed = reject;
          });
          failure.catch(() => {});
          const all = (async () => {
            for await (const stream of connection) served.push(pipeline(stream, stream).catch(failed));
            await Promise.all(served);
          })();
          await Promise.race([all, failure]);
        },
      }),
    },
  );
});

test('an operation that takes everything, breaks its output schema or throws is found', async () => {
  const only = (operation: Partial<typeof add>): Plugin => ({
    ...sum,
    alpns: [],
    operations: [{ ...add, ...operation } as never],
  });
  const bare: ConformanceOptions = { manifest: false };
  await finds(
    [/the input schema of sum\/add takes everything/],
    only({ input: Type.Any() as never, handler: () => 1 }),
    bare,
  );
  await finds(
    [/gives what it declares: sum\/add failed: CallError: internal error; the log says: output violation/],
    only({ handler: () => 'text' as never }),
    bare,
  );
  await finds(
    [/the log says: handler error Error: broken/],
    only({
      handler: () => {
        throw new Error('broken');
      },
    }),
    bare,
  );
  const guess = /no input for sum\/add can be made of its schema; give one: conformance\(plugin, \{ inputs/;
  const input = Type.Object({
    a: Type.Number(),
    b: Type.Integer(),
    name: Type.String({ pattern: '^[a-f]{4}$' }),
  });
  await finds([guess, guess], only({ input } as never), bare);
  await finds([], only({ input } as never), { ...bare, inputs: { 'sum/add': { a: 1, b: 2, name: 'cafe' } } });
});

test('a node that does not check callers and input, or shows what is internal, is found', async () => {
  const careless = {
    name: 'careless',
    start: async () => {
      const node = await createTestNode(sum);
      return {
        call: async () => 1,
        subscribe: async function* () {
          yield 1;
        },
        connect: () => node.connect(),
        running: () => node.running(),
        stop: () => node.stop(),
      };
    },
  };
  await finds(
    [
      /sum\/add refuses nobody in particular: .* expected FORBIDDEN, found an answer/,
      /sum\/add refuses input that does not fit: .* expected INVALID_INPUT, found an answer/,
      /sum\/ticks refuses input that does not fit/,
      /sum\/hidden is not on the wire: .* expected NOT_FOUND on the wire, found an answer/,
    ],
    sum,
    { driver: careless },
  );
});

test('a subscription that goes on after its caller has gone is found', async () => {
  const found = await faults(
    {
      ...sum,
      alpns: [],
      operations: [
        {
          ...ticks,
          async *handler() {
            yield 0;
            await new Promise(() => {});
          },
        },
      ],
    },
    { manifest: false },
  );
  assert.match(
    found.join('\n'),
    /sum\/ticks ends with its caller: sum\/ticks went on after its caller had aborted/,
  );
  assert.match(found.join('\n'), /handlers of calls or connections go on after stop\(\)/);
});

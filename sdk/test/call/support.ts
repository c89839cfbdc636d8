/** Sessions over in-memory connections, and a peer that speaks raw frames. */

import type { Duplex } from 'node:stream';
import type { TestContext } from 'node:test';
import {
  createSession,
  encodeFrame,
  FrameReader,
  type Session,
  type SessionOptions,
} from '../../src/call/index.ts';
import { defaultCallLimits } from '../../src/call/limits.ts';
import {
  type AuthContext,
  type Connection,
  connectionFromStream,
  type Log,
  type LogLevel,
} from '../../src/index.ts';
import { type ConnectionPairOptions, connectionPair } from '../../src/testing/connection-pair.ts';
import { duplexPair } from '../../src/testing/duplex-pair.ts';

export const alpn = 'alknet/call';

export const nobody: AuthContext = {
  alpn,
  transport: 'tls',
  remote: null,
  fingerprint: null,
  identity: null,
};

export interface Line {
  readonly level: LogLevel;
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export function recordingLog(lines: Line[]): Log {
  const write =
    (level: LogLevel) =>
    (event: string, fields: Readonly<Record<string, unknown>> = {}) =>
      void lines.push({ level, event, fields });
  const log: Log = {
    error: write('error'),
    warn: write('warn'),
    notice: write('notice'),
    info: write('info'),
    debug: write('debug'),
    trace: write('trace'),
    enabled: () => true,
    child: () => log,
  };
  return log;
}

export function limits(changes: Partial<typeof defaultCallLimits> = {}) {
  return { ...defaultCallLimits, ...changes };
}

/** Two connections that are each other's ends, without a session. */
export function manyStreams(options: ConnectionPairOptions = {}): [Connection, Connection] {
  const { client, server } = connectionPair(alpn, options);
  return [client, server];
}

export function singleStream(): [Connection, Connection] {
  const [near, far] = duplexPair();
  return [
    connectionFromStream(near, { alpn, auth: nobody }),
    connectionFromStream(far, { alpn, auth: nobody }),
  ];
}

/** The timers of sessions keep no process alive; a real one has its sockets for that. */
function stayAlive(t: TestContext): void {
  const timer = setInterval(() => {}, 60_000);
  t.after(() => clearInterval(timer));
}

/** A session on each end. */
export function sessions(
  t: TestContext,
  server: SessionOptions = {},
  client: SessionOptions = {},
  [near, far]: [Connection, Connection] = manyStreams(),
): { client: Session; server: Session } {
  stayAlive(t);
  const pair = { client: createSession(near, client), server: createSession(far, server) };
  t.after(() => {
    pair.client.close();
    pair.server.close();
  });
  return pair;
}

/** What a peer saw or sends, without the id being anybody's. */
export interface Wire {
  readonly type: string;
  readonly id: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

export function frame(type: string, id: string, payload: unknown = {}): Buffer {
  return encodeFrame(JSON.stringify({ type, id, payload }));
}

export function requested(id: string, name: string, input?: unknown, more: object = {}): Buffer {
  return frame('call.requested', id, { operationId: `/${name}`, input, ...more });
}

/** One stream of a peer that speaks raw frames. */
export class RawStream {
  readonly duplex: Duplex;
  readonly seen: Wire[] = [];
  /** Writes of the other side, as chunks. */
  chunks = 0;
  ended = false;
  error: (Error & { streamCode?: number }) | undefined;
  #wake: (() => void)[] = [];

  constructor(duplex: Duplex) {
    this.duplex = duplex;
    const reader = new FrameReader(() => 64 << 20);
    duplex.on('data', (chunk: Buffer) => {
      this.chunks++;
      for (const body of reader.feed(chunk)) this.seen.push(JSON.parse(body.toString()));
      this.#changed();
    });
    duplex.on('end', () => {
      this.ended = true;
      this.#changed();
    });
    duplex.on('error', (error) => {
      this.error = error;
      this.#changed();
    });
    duplex.on('close', () => this.#changed());
  }

  send(...frames: Buffer[]): void {
    this.duplex.write(Buffer.concat(frames));
  }

  /** Resolves when the condition holds; it is looked at whenever something happens on the stream. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  /** The first `count` frames. */
  async frames(count: number): Promise<Wire[]> {
    await this.until(() => this.seen.length >= count);
    return this.seen;
  }

  async one(): Promise<Wire> {
    const [first] = await this.frames(1);
    if (first === undefined) throw new Error('no frame');
    return first;
  }

  of(id: string): Wire[] {
    return this.seen.filter((wire) => wire.id === id);
  }

  #changed(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

/** A raw peer of a session: `open()` gives its streams, `accepted()` those that the session opened. */
export class RawPeer {
  readonly connection: Connection;
  readonly streams: RawStream[] = [];
  #wake: (() => void)[] = [];

  constructor(connection: Connection) {
    this.connection = connection;
    void this.#accept();
  }

  async #accept(): Promise<void> {
    for await (const stream of this.connection) {
      this.streams.push(new RawStream(stream));
      for (const wake of this.#wake.splice(0)) wake();
    }
  }

  async open(): Promise<RawStream> {
    return new RawStream(await this.connection.openStream());
  }

  async accepted(index = 0): Promise<RawStream> {
    for (;;) {
      const stream = this.streams[index];
      if (stream !== undefined) return stream;
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }
}

/** A session that serves, and a raw caller. */
export function rawCaller(t: TestContext, options: SessionOptions, pair = manyStreams()) {
  const [near, far] = pair;
  stayAlive(t);
  const session = createSession(far, options);
  t.after(() => near.close());
  return { peer: new RawPeer(near), session };
}

/** A session that calls, and a raw callee. */
export function rawCallee(t: TestContext, options: SessionOptions = {}, pair = manyStreams()) {
  const [near, far] = pair;
  stayAlive(t);
  const session = createSession(near, options);
  t.after(() => far.close());
  return { peer: new RawPeer(far), session };
}

/** A promise with its handles outside. */
export function latch<Value = void>() {
  let resolve: (value: Value) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<Value>((done, fail) => {
    resolve = done;
    reject = fail;
  });
  return { promise, resolve, reject };
}

/** For what is not visible as an event of the test. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** Everything that was under way in memory has arrived. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A real endpoint on loopback with owners, peers and settings of the test's own, and the means to reach it. */

import { type TestContext, test } from 'node:test';
import {
  type Connection,
  firstStream,
  type Identity,
  type Log,
  type LogLevel,
  type Stream,
} from '@alknet/sdk';
import { DialError } from '../../src/endpoint/dial-error.ts';
import { Endpoint, type EndpointDialOptions } from '../../src/endpoint/endpoint.ts';
import type { Certificate, Transport, TransportKind } from '../../src/endpoint/engine.ts';
import type { ListenSpec } from '../../src/endpoint/listeners.ts';
import {
  type AlpnOwner,
  defaultSettings,
  type EndpointSettings,
  type Identities,
} from '../../src/endpoint/owner.ts';
import { quicTransport } from '../../src/endpoint/quic/index.ts';
import { tlsTransport } from '../../src/endpoint/tls/index.ts';
import { fingerprintOf, makeCertificate, type TestCertificate } from './certificates.ts';

export { until } from '../eventually.ts';

/** What a log line said. */
export interface Line {
  readonly level: LogLevel;
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export function recordingLog(lines: Line[]): Log {
  const write =
    (level: LogLevel) =>
    (event: string, fields: Record<string, unknown> = {}) => {
      lines.push({ level, event, fields });
    };
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

export class TestIdentities implements Identities {
  readonly ownCertificate: Certificate;
  readonly fingerprint: string;
  private readonly own: TestCertificate;
  private readonly peers = new Map<string, Identity>();
  private readonly given = new WeakSet<Identity>();

  constructor(own: TestCertificate = makeCertificate()) {
    this.own = own;
    this.ownCertificate = own;
    this.fingerprint = own.fingerprint;
  }

  add(id: string, fingerprint: string, scopes: readonly string[] = []): Identity {
    const identity = Object.freeze({ id, scopes, resources: {} });
    this.given.add(identity);
    this.peers.set(fingerprint, identity);
    return identity;
  }

  remove(fingerprint: string): void {
    this.peers.delete(fingerprint);
  }

  fingerprintOf(certificate: Uint8Array): string {
    return fingerprintOf(certificate);
  }

  resolveFingerprint(fingerprint: string): Identity | undefined {
    return this.peers.get(fingerprint);
  }

  isGivenOut(identity: Identity): boolean {
    return this.given.has(identity);
  }

  certificateFor(): Certificate {
    return this.own;
  }

  freshCertificate(): Certificate {
    return makeCertificate();
  }

  verifyServer({ pins }: { readonly pins: readonly string[] }): (chain: readonly Uint8Array[]) => void {
    return ([leaf]) => {
      if (leaf === undefined) throw new DialError('NoRemoteCertificate', 'expected a certificate, got none');
      const shown = fingerprintOf(leaf);
      if (pins.length === 0)
        throw new DialError('UnknownIdentity', `no pin is known, the server showed ${shown}`);
      if (!pins.includes(shown))
        throw new DialError('PeerMismatch', `expected ${pins.join(', ')}, got ${shown}`);
    };
  }
}

export interface TestNode {
  readonly endpoint: Endpoint;
  readonly identities: TestIdentities;
  readonly lines: Line[];
  readonly settings: { -readonly [Key in keyof EndpointSettings]: EndpointSettings[Key] };
  port(transport?: TransportKind): number;
  /** From another node, whose identity and endpoint may be given. */
  dial(options: EndpointDialOptions & { from?: TestNode; pins?: readonly string[] }): Promise<Connection>;
}

export interface TestNodeOptions {
  readonly own?: TestCertificate;
  readonly identities?: TestIdentities;
  readonly settings?: Partial<EndpointSettings>;
  readonly owners?: readonly AlpnOwner[];
  /** `[]`: a node that only dials. */
  readonly listen?: readonly ListenSpec[];
  readonly transports?: readonly Transport[];
  readonly now?: () => number;
}

/** What endpoints are built on, unless a test says otherwise. */
let engines: () => readonly Transport[] = () => [quicTransport(), tlsTransport()];
let haveSockets = true;

/** Has the tests that are registered from now on run on these engines, which have no sockets. */
export function runOn(make: () => readonly Transport[]): void {
  engines = make;
  haveSockets = false;
}

/** A test that reaches an endpoint by sockets of its own; with engines that have none there is nothing to test. */
export function socketTest(title: string, body: (t: TestContext) => Promise<void>): void {
  if (haveSockets) test(title, body);
}

export const both: readonly TransportKind[] = ['quic', 'tls'];

const everywhere: readonly ListenSpec[] = [
  { transport: 'quic', host: '127.0.0.1', port: 0 },
  { transport: 'tls', host: '127.0.0.1', port: 0 },
];

export async function testNode(t: TestContext, options: TestNodeOptions = {}): Promise<TestNode> {
  const lines: Line[] = [];
  const identities = options.identities ?? new TestIdentities(options.own);
  const settings = { ...defaultSettings, ...options.settings };
  const endpoint = new Endpoint({
    transports: options.transports ?? engines(),
    identities,
    settings,
    log: recordingLog(lines),
    ...(options.now === undefined ? {} : { now: options.now }),
  });
  t.after(() => endpoint.close());
  for (const owner of options.owners ?? []) endpoint.enable(owner);
  await endpoint.listen(options.listen ?? everywhere);
  const node: TestNode = {
    endpoint,
    identities,
    lines,
    settings,
    port(transport) {
      const bound = endpoint.addresses.find(
        (each) => transport === undefined || each.transport === transport,
      );
      if (bound === undefined) throw new Error(`this node has no listener of ${transport}`);
      return bound.address.port;
    },
    async dial({ from, pins, ...rest }) {
      const dialling = from ?? (await client(t));
      const port =
        rest.transport === 'auto' || rest.transport === undefined ? node.port() : node.port(rest.transport);
      return dialling.endpoint.dial(
        { name: 'node', addresses: [{ host: '127.0.0.1', port }], pins: pins ?? [identities.fingerprint] },
        { timeoutMs: 5000, ...rest },
      );
    },
  };
  return node;
}

/** A node that only dials. */
export function client(t: TestContext, options: TestNodeOptions = {}): Promise<TestNode> {
  return testNode(t, { listen: [], ...options });
}

/** A plugin that answers every stream with `<name>:` and what it got, and remembers its connections. */
export interface EchoOwner extends AlpnOwner {
  readonly connections: Connection[];
  next(): Promise<Connection>;
}

export function echo(name: string, alpn: string, options: Partial<AlpnOwner> = {}): EchoOwner {
  const connections: Connection[] = [];
  const waiting: ((connection: Connection) => void)[] = [];
  return {
    name,
    builtIn: alpn.startsWith('alknet/') || !alpn.includes('/') || alpn === 'http/1.1',
    alpns: [alpn],
    connections,
    next: () => new Promise((resolve) => waiting.push(resolve)),
    async connection(connection) {
      connections.push(connection);
      waiting.shift()?.(connection);
      for await (const stream of connection) void answer(stream, name);
    },
    ...options,
  };
}

async function answer(stream: Stream, name: string): Promise<void> {
  stream.write(`${name}:`);
  stream.pipe(stream);
}

/** Sends `text` on the one stream or a new one; what comes back until its end. */
export async function ask(connection: Connection, text: string): Promise<string> {
  const stream = await firstStream(connection);
  stream.end(text);
  return readText(stream);
}

export async function readText(stream: Stream): Promise<string> {
  let all = '';
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) all += chunk;
  return all;
}

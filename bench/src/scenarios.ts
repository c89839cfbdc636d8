/**
 * The rows of the table: what is measured, of whom, and in which unit.
 *
 * @module
 */

import { isInstalled } from './currentspace.ts';
import type { Work } from './load.ts';
import { crowd, type StackName } from './stack.ts';

interface Row {
  /** Given to `--only`, and the key in results. */
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly better: 'more' | 'less';
  readonly stacks: readonly StackName[];
  /** Bytes. */
  readonly udpPayload: number;
}

/** A rate: `work` done for some seconds, several times, in turn with the other stacks. */
export interface RateScenario extends Row {
  readonly kind: 'rate';
  readonly work: Work;
  /** Count of the work in one `unit`. */
  readonly scale: number;
  /** Idle connections that the client of one contender holds meanwhile. */
  readonly held?: { readonly stack: StackName; readonly connections: number };
}

/** Bytes that the server holds for each of many connections that do nothing. */
export interface IdleScenario extends Row {
  readonly kind: 'idle';
  readonly connections: number;
  readonly memory: 'js' | 'resident';
}

/** Operations of other nodes, from their connection until they can be called. */
export interface ImportScenario extends Row {
  readonly kind: 'import';
}

export type Scenario = RateScenario | IdleScenario | ImportScenario;

/** What fits into an Ethernet frame through most tunnels; the node's default off loopback. */
const ethernet = 1350;
/** The node's default between loopback addresses. */
const loopback = 8192;
/** The most that alknet sends; `@currentspace/http3` takes 16383 between loopback addresses, whatever it is told. */
const largest = 16_000;

const all: readonly StackName[] = ['quic', 'tls', 'grpc', 'ws'];
const currentspace: readonly StackName[] = isInstalled ? ['currentspace'] : [];
const rate = { kind: 'rate', better: 'more', scale: 1, udpPayload: ethernet } as const;
const calls = { ...rate, unit: 'calls/s', stacks: all } as const;
const bytes = { ...rate, unit: 'MB/s', work: { kind: 'bulk' }, scale: 1e6 } as const;
const git = { ...rate, stacks: ['git', 'git-daemon', 'git-http'], udpPayload: loopback } as const;
const idle = {
  kind: 'idle',
  unit: 'KiB',
  better: 'less',
  stacks: all,
  connections: 500,
  udpPayload: ethernet,
} as const;

export const scenarios: readonly Scenario[] = [
  {
    ...calls,
    name: 'unary-1',
    title: 'unary calls, 1 in flight',
    stacks: [...all, 'udp'],
    work: { kind: 'echo', inFlight: 1 },
  },
  { ...calls, name: 'unary-64', title: 'unary calls, 64 in flight', work: { kind: 'echo', inFlight: 64 } },
  { ...calls, name: 'unary-256', title: 'unary calls, 256 in flight', work: { kind: 'echo', inFlight: 256 } },
  {
    ...calls,
    name: 'isolation',
    title: 'unary calls to a plugin in a worker, 64 in flight',
    stacks: ['quic', 'worker'],
    work: { kind: 'echo', inFlight: 64 },
  },
  {
    ...calls,
    name: 'isolation-1',
    title: 'unary calls to a plugin in a worker, 1 in flight',
    stacks: ['quic', 'worker'],
    work: { kind: 'echo', inFlight: 1 },
  },
  {
    ...calls,
    name: 'http1-64',
    title: 'the same echo over HTTP/1.1, 64 connections',
    stacks: ['fastify1', 'hono1', 'call1', 'direct1'],
    work: { kind: 'echo', inFlight: 64 },
  },
  {
    ...calls,
    name: 'http2-64',
    title: 'the same echo over HTTP/2, 64 requests on a connection',
    stacks: ['fastify2', 'hono2', 'call2', 'direct2'],
    work: { kind: 'echo', inFlight: 64 },
  },
  {
    ...calls,
    name: 'hops',
    title: 'unary calls through other nodes, 64 in flight',
    stacks: ['quic', 'hop1', 'hop2'],
    work: { kind: 'echo', inFlight: 64 },
  },
  {
    ...calls,
    name: 'beside',
    title: `unary calls, 64 in flight, beside ${crowd.peers} peers, ${crowd.connections} connections and ${crowd.importsOf * crowd.operations} imported operations`,
    stacks: ['quic', 'crowd'],
    held: { stack: 'crowd', connections: crowd.connections },
    work: { kind: 'echo', inFlight: 64 },
  },
  {
    kind: 'import',
    better: 'more',
    name: 'import',
    title: `import of ${crowd.importsOf * crowd.operations} operations with their schemas`,
    unit: 'ops/s',
    stacks: ['crowd'],
    udpPayload: ethernet,
  },
  {
    ...rate,
    name: 'streams-64',
    title: 'a stream for each call, 64 in flight',
    unit: 'streams/s',
    stacks: ['quic', ...currentspace],
    work: { kind: 'stream', inFlight: 64 },
  },
  {
    ...rate,
    name: 'items',
    title: 'subscription items',
    unit: 'items/s',
    stacks: [...all, 'call1'],
    work: { kind: 'items' },
  },
  {
    ...rate,
    name: 'items-web',
    title: 'subscription items over HTTP',
    unit: 'items/s',
    stacks: ['sse', 'websocket', 'ws'],
    work: { kind: 'items' },
  },
  {
    ...bytes,
    name: 'bulk',
    title: 'bulk, one way, 1350-byte packets',
    unit: 'MB/s',
    stacks: [...all, 'udp'],
  },
  {
    ...bytes,
    name: 'bulk-8k',
    title: 'bulk, one way, 8192-byte packets',
    stacks: ['quic', 'udp'],
    udpPayload: loopback,
  },
  {
    ...bytes,
    name: 'bulk-16k',
    title: 'bulk, one way, 16000-byte packets',
    stacks: ['quic', ...currentspace],
    udpPayload: largest,
  },
  {
    ...bytes,
    name: 'isolation-bulk',
    title: 'bulk, one way, of a plugin in a worker, 8192-byte packets',
    stacks: ['quic', 'worker'],
    udpPayload: loopback,
  },
  {
    ...rate,
    name: 'connect',
    title: 'connections, 8 in flight: handshake, one call, close',
    unit: 'conn/s',
    stacks: all,
    work: { kind: 'connect', inFlight: 8 },
  },
  {
    ...git,
    name: 'git-clone',
    title: 'git clone of 50 MiB',
    unit: 'MB/s',
    // Bytes of the repository, which are counted as one clone.
    scale: 1e6 / (800 * 64 * 1024),
    work: { kind: 'clone' },
  },
  {
    ...git,
    name: 'git-fetch',
    title: 'git fetch of nothing new, 1 at a time',
    unit: 'fetches/s',
    work: { kind: 'fetch', inFlight: 1 },
  },
  {
    ...git,
    name: 'git-fetch-100',
    title: 'git fetch of nothing new, 100 at once',
    unit: 'fetches/s',
    work: { kind: 'fetch', inFlight: 100 },
  },
  { ...idle, name: 'idle-js', title: 'an idle connection at the server, JavaScript memory', memory: 'js' },
  {
    ...idle,
    name: 'idle-resident',
    title: 'an idle connection at the server, resident memory',
    memory: 'resident',
  },
  {
    ...idle,
    name: 'idle-10000',
    title: 'one of 10000 idle connections at the server, JavaScript memory',
    memory: 'js',
    connections: 10_000,
    stacks: ['quic'],
  },
];

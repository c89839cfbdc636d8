/**
 * What each contender is made of: a server that runs in one process and a client that runs in another. A measurement
 * knows only this file; how a stack spells a call is its own two modules' business.
 *
 * @module
 */

export const stackNames = [
  'quic',
  'worker',
  'hop1',
  'hop2',
  'crowd',
  'tls',
  'grpc',
  'ws',
  'sse',
  'websocket',
  'currentspace',
  'udp',
  'git',
  'git-daemon',
  'git-http',
  'call1',
  'direct1',
  'fastify1',
  'hono1',
  'call2',
  'direct2',
  'fastify2',
  'hono2',
] as const;

/**
 * `quic` and `tls` are alknet; `worker` is `quic` with the plugin in a thread of its own; `hop1` and `hop2` are nodes that forward over QUIC to one that answers, through one and two
 * connections; `crowd` is a node that knows {@link crowd} others. `sse` and `websocket` are a node behind its HTTP plugin. `currentspace` is the raw QUIC of `@currentspace/http3`. `udp` is what Node's own datagrams reach, with no
 * protocol at all. Those whose name ends in a number are HTTP, whose version it is: `call` and `direct` are gateway and direct
 * mapping of alknet.
 */
export type StackName = (typeof stackNames)[number];

/** A repository served over QUIC by a node, by `git daemon`, and by `git http-backend`, to stock git. */
export type GitStackName = 'git' | 'git-daemon' | 'git-http';

export type HttpStack = Extract<StackName, `${string}1` | `${string}2`> &
  `${'call' | 'direct' | 'fastify' | 'hono'}${1 | 2}`;

/** What the node of `crowd` has beside what it is called for. */
export const crowd = { peers: 1_000, connections: 1_000, importsOf: 2, operations: 5_000 } as const;

/** PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface ServeOptions {
  /** For the stacks that bring no identity of their own. */
  readonly certificate: Certificate;
  /** Bytes of one UDP packet's payload, for the stacks that are made of them. */
  readonly udpPayload: number;
}

/** All that a client needs to know of a server; plain JSON, it crosses processes. */
export interface Address {
  readonly host: string;
  readonly port: number;
  /** Certificate to trust, PEM. */
  readonly ca?: string;
  /** Fingerprint to trust. */
  readonly pin?: string;
  /** File with the key to show. */
  readonly identity?: string;
  /** Bearer token to show. */
  readonly token?: string;
  readonly udpPayload: number;
  /** Of the echo over HTTP. */
  readonly path?: string;
}

export interface Server {
  readonly address: Address;
  /** How long it took to import so many operations, for a stack that does. */
  readonly imported?: { readonly operations: number; readonly seconds: number };
  stop(): Promise<void>;
}

/** Ends something that flows. Resolves when nothing more of it will come. */
export type Stop = () => Promise<void>;

/** One connection, ready to be called. A stack leaves out what it has no notion of. */
export interface Link {
  /** One unary call with {@link message}; resolves when the equal answer is there. */
  echo?(): Promise<void>;
  /** A subscription to endless messages, each as large as {@link message}. */
  items?(onItem: () => void): Promise<Stop>;
  /** Endless bytes from the server, as fast as they are read. */
  bulk?(onBytes: (length: number) => void): Promise<Stop>;
  /** Opens a stream, sends {@link message}, ends it and reads the echo to its end. */
  stream?(): Promise<void>;
  /** Clones the repository with stock git. */
  clone?(): Promise<void>;
  /** Fetches with stock git what is there already. */
  fetch?(): Promise<void>;
  close(): Promise<void>;
}

export interface Client {
  /** A new connection with a handshake of its own. */
  connect(): Promise<Link>;
}

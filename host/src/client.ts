/**
 * Reaching a node from a program: dial, and the call protocol over it.
 *
 * @example
 * const session = await connect('127.0.0.1:4433#ed25519:…', { identity: 'data/operator.key' });
 * console.log(await session.call('services/list', {}));
 * session.close();
 *
 * @module
 */

import type { Connection, Log } from '@alknet/sdk';
import type { Server, Session } from '@alknet/sdk/call';
import { silentLog } from '@alknet/sdk/streams';
import {
  DialError,
  type DialProxy,
  type DialTarget,
  defaultSettings,
  Endpoint,
  tlsTransport,
} from './endpoint/index.ts';
import { quicTransport } from './endpoint/quic/index.ts';
import type { IdentityKey } from './identity/index.ts';
import { NodeIdentities } from './identity/node-identities.ts';
import { readOperatorKey } from './identity/operator-key.ts';
import { PeerTable } from './identity/peer-table.ts';
import { targetOf } from './node/target.ts';

export { DialError, type DialErrorCode } from './endpoint/index.ts';

export interface DialOptions {
  /** Path of an OpenSSH private key (`operator.key`), or the key; absent: anonymous. */
  readonly identity?: string | IdentityKey;
  /** Show the identity to a remote without a pin too. */
  readonly presentIdentity?: boolean;
  /** Verify a remote without pin by the public certificate authorities; without it such a remote is refused. */
  readonly ca?: boolean;
  readonly transport?: 'auto' | 'quic' | 'tls';
  /** The only way out: TLS over TCP through it, with names unresolved; never QUIC, never directly. */
  readonly proxy?: DialProxy;
  /** Milliseconds for the whole of reaching it. Default 10 000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly log?: Log;
  /** Bytes of a UDP packet: to other machines, and on loopback. */
  readonly udpPayload?: number;
  readonly loopbackUdpPayload?: number;
}

export interface ConnectOptions extends DialOptions {
  /** Answers calls of the other side: `serveOperations([...])`. */
  readonly serve?: Server;
}

/** Default of `tls.handshakeTimeout`. */
const defaultTimeout = 10_000;

/**
 * One connection of `alpn`. `target` is `host[:port]#pin`, or a resolved one.
 * @throws DialError, PeerSyntaxError
 */
export async function dial(
  target: string | DialTarget,
  alpn: string,
  options: DialOptions = {},
): Promise<Connection> {
  const resolved = typeof target === 'string' ? targetOf(target, undefined, undefined) : target;
  if (resolved.pins.length === 0 && options.ca !== true) {
    throw new DialError(
      'UnknownIdentity',
      `${resolved.name}: no key is known for it; give one as ${resolved.name}#ed25519:…, or verify it by certificate authorities`,
    );
  }
  const key =
    typeof options.identity === 'string' ? await readIdentity(options.identity) : (options.identity ?? null);
  const endpoint = new Endpoint({
    transports: options.proxy === undefined ? [quicTransport(), tlsTransport()] : [tlsTransport()],
    identities: new NodeIdentities({ key, peers: new PeerTable(), ca: () => undefined }),
    settings: {
      ...defaultSettings,
      udpPayload: options.udpPayload ?? defaultSettings.udpPayload,
      loopbackUdpPayload: options.loopbackUdpPayload ?? defaultSettings.loopbackUdpPayload,
    },
    log: options.log ?? silentLog,
  });
  const { transport, proxy, timeoutMs = defaultTimeout, signal, presentIdentity } = options;
  const connection = await endpoint
    .dial(resolved, {
      alpn,
      timeoutMs,
      ...(transport === undefined ? {} : { transport }),
      ...(proxy === undefined ? {} : { proxy }),
      ...(signal === undefined ? {} : { signal }),
      ...(presentIdentity === undefined ? {} : { presentIdentity }),
    })
    .catch(async (error: unknown) => {
      await endpoint.close();
      throw error;
    });
  void connection.closed.then(() => endpoint.close());
  return connection;
}

/** The key of a file, for programs that dial often. @throws OperatorKeyError */
export async function readIdentity(path: string): Promise<IdentityKey> {
  const key = await readOperatorKey(path, () => {});
  if (key === undefined) throw new Error(`${path}: expected an OpenSSH private key here, found no file`);
  return key;
}

/** A session of the call protocol. @throws DialError, PeerSyntaxError */
export async function connect(target: string | DialTarget, options: ConnectOptions = {}): Promise<Session> {
  const { createSession } = await import('@alknet/sdk/call');
  const connection = await dial(target, 'alknet/call', options);
  return createSession(connection, {
    ...(options.serve === undefined ? {} : { serve: options.serve }),
    ...(options.log === undefined ? {} : { log: options.log }),
  });
}

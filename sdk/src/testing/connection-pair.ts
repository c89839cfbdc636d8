/**
 * Two ends of a many-stream connection without a network, for tests of plugins and protocols. Streams have ids, stream
 * credit, back-pressure, half-close, reset and stop as on QUIC (`docs/spec/endpoint.md` 3 and 4).
 *
 * @example
 * const { client, server } = connectionPair('acme/echo');
 * void plugin.connection(server);
 * const stream = await client.openStream();
 *
 * @module
 */

import { CarriedConnection } from '../carried-connection.ts';
import type { Connection } from '../connection.ts';
import type { AuthContext, RemoteAddress } from '../identity.ts';
import { carrierPair, type MemoryCarrier } from './memory-carrier.ts';

export interface ConnectionPairOptions {
  /** Streams that each end may have open towards the other. Default 256, as `limits.streamsPerConnection`. */
  readonly streams?: number;
  /** Default 65536 in each direction. */
  readonly highWaterMark?: number;
  readonly serverName?: string | null;
  /** What the server knows of the client. Default: anonymous, from 127.0.0.1. */
  readonly client?: Partial<AuthContext>;
  /** What the client knows of the server. */
  readonly server?: Partial<AuthContext>;
}

export interface ConnectionPair {
  /** The end that dialled; its streams have even ids. */
  readonly client: Connection;
  readonly server: Connection;
}

let made = 0;

export function connectionPair(alpn: string, options: ConnectionPairOptions = {}): ConnectionPair {
  const id = `memory-${++made}`;
  const [near, far] = carrierPair(options);

  const connection = (
    carrier: MemoryCarrier,
    end: string,
    port: number,
    known: Partial<AuthContext> = {},
  ) => {
    const remote: RemoteAddress | null =
      known.remote === undefined ? { address: '127.0.0.1', port } : known.remote;
    const auth: AuthContext = Object.freeze({
      alpn,
      transport: 'quic',
      fingerprint: null,
      identity: null,
      ...known,
      remote,
    });
    const serverName = options.serverName ?? null;
    return new CarriedConnection(carrier, {
      id: `${id}-${end}`,
      alpn,
      transport: auth.transport,
      remote,
      serverName,
      auth,
    });
  };
  return {
    client: connection(near, 'client', 4433, options.server),
    server: connection(far, 'server', 50_000, options.client),
  };
}

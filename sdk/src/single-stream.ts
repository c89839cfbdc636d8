/**
 * A connection made of one Duplex: an SSH channel, a WebSocket, a pipe. `docs/spec/endpoint.md` 3, "single stream".
 *
 * @example
 * const connection = connectionFromStream(channel, { alpn: 'alknet/call', auth });
 * await plugin.connection(connection);
 *
 * @module
 */

import { type Duplex, finished } from 'node:stream';
import { CarriedConnection, type Carrier, connectionClosed, cutReason } from './carried-connection.ts';
import type { Connection, Stream } from './connection.ts';
import { type CloseInfo, ConnectionError } from './errors.ts';
import type { AuthContext, RemoteAddress } from './identity.ts';

export interface SingleStreamOptions {
  readonly alpn: string;
  readonly auth: AuthContext;
  /** Default: that of `auth`. */
  readonly remote?: RemoteAddress | null;
}

/**
 * Yields the one stream, refuses `openStream`, and is over when both directions of the stream have ended or it was
 * destroyed. The stream belongs to the connection from here on.
 */
export function connectionFromStream(stream: Duplex, options: SingleStreamOptions): Connection {
  return new CarriedConnection(singleStreamCarrier(stream), {
    id: `single-${++made}-${instance}`,
    alpn: options.alpn,
    transport: options.auth.transport,
    remote: options.remote ?? options.auth.remote,
    serverName: null,
    auth: options.auth,
  });
}

/** A plugin may bring its own copy of this module; the suffix keeps the ids of two copies apart. */
const instance = Math.random().toString(36).slice(2, 8);
let made = 0;

/** Milliseconds that a closed stream is given to say goodbye before it is destroyed. */
const farewell = 1000;

export interface SingleStreamCarrierOptions {
  /** Whose doing an error of the stream is. Default: the transport's. */
  readonly endedBy?: (error: Error) => 'local' | 'transport';
}

/** The carrier of {@link connectionFromStream}, for a host that makes connections of its own kind. */
export function singleStreamCarrier(duplex: Duplex, options: SingleStreamCarrierOptions = {}): Carrier {
  const { endedBy = () => 'transport' as const } = options;
  const stream = numbered(duplex);
  let over: CloseInfo | undefined;
  let peerEndedFirst = false;
  let report: (info: CloseInfo) => void = () => {};
  const closed = new Promise<CloseInfo>((resolve) => {
    report = resolve;
  });
  const end = (info: CloseInfo) => {
    over ??= info;
    report(over);
  };

  duplex.once('end', () => {
    peerEndedFirst = !duplex.writableEnded;
  });
  // It listens to errors for as long as the stream lives: one that nobody else waits for does not end the process.
  finished(duplex, (error) => {
    // A premature close is `destroy()` by our side unless an error says otherwise.
    if (error && error.code !== 'ERR_STREAM_PREMATURE_CLOSE') {
      end({ code: 0, reason: cutReason(error.message), by: endedBy(error) });
    } else end({ code: 0, reason: '', by: peerEndedFirst && !error ? 'peer' : 'local' });
    if (!duplex.destroyed) duplex.destroy();
  });

  return {
    multiplexed: false,
    closed,
    serve: (onStream) => onStream(stream),
    async openStream() {
      if (over !== undefined) throw connectionClosed(over);
      throw new ConnectionError(
        'STREAM_CLOSED',
        'this connection is a single stream: use the one that it yields',
      );
    },
    close(code, reason, by = 'local') {
      if (over !== undefined) return;
      end({ code, reason, by });
      if (duplex.destroyed) return;
      const destroy = () => void duplex.destroy(connectionClosed({ code, reason, by }));
      // Unsent data is discarded; without any, the peer gets a proper end.
      if (duplex.writableLength > 0) {
        destroy();
        return;
      }
      const timer = setTimeout(destroy, farewell);
      timer.unref?.();
      duplex.once('close', () => clearTimeout(timer));
      if (duplex.writableFinished) destroy();
      else duplex.end(destroy);
    },
  };
}

/** Some duplexes (QUIC streams, HTTP/2 streams) have a number of their own; the others are stream 0. */
function numbered(duplex: Duplex & { readonly id?: unknown }): Stream {
  if (typeof duplex.id !== 'number') Object.defineProperty(duplex, 'id', { value: 0, configurable: true });
  return duplex as Stream;
}

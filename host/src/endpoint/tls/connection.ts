/**
 * One TLS connection as the endpoint sees it: a single stream, which is the TLS socket itself, so that bytes pass
 * through no layer of ours. `docs/spec/endpoint.md` 3, 4 and 7.
 *
 * @module
 */

import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import {
  type Carrier,
  type CloseInfo,
  ConnectionError,
  type OpenStreamOptions,
  type RemoteAddress,
  type Stream,
  singleStreamCarrier,
} from '@alknet/sdk/streams';
import type { TransportConnection, TransportStats } from '../engine.ts';
import { linger } from './lingering-close.ts';

export interface TlsFacts {
  readonly alpn: string;
  readonly serverName: string | null;
  readonly local: RemoteAddress;
  readonly remote: RemoteAddress;
  readonly peerCertificate: Uint8Array | null;
  readonly peerChain: readonly Uint8Array[];
  /** Milliseconds without a byte either way; 0: never. */
  readonly idleTimeout: number;
}

export class TlsConnection implements TransportConnection {
  readonly transport = 'tls';
  readonly multiplexed = false;
  readonly alpn: string;
  readonly serverName: string | null;
  readonly local: RemoteAddress;
  readonly remote: RemoteAddress;
  readonly peerCertificate: Uint8Array | null;
  readonly peerChain: readonly Uint8Array[];
  readonly closed: Promise<CloseInfo>;
  private readonly socket: TLSSocket;
  private readonly carrier: Carrier;

  /** `tcp` is the socket under `tls`, whose handshake is complete. */
  constructor(tls: TLSSocket, tcp: Socket, facts: TlsFacts) {
    this.alpn = facts.alpn;
    this.serverName = facts.serverName;
    this.local = facts.local;
    this.remote = facts.remote;
    this.peerCertificate = facts.peerCertificate;
    this.peerChain = facts.peerChain;
    this.socket = tls;
    speakStreamErrors(tls, tcp);
    this.carrier = singleStreamCarrier(tls, {
      endedBy: (error) => (isOurs(streamError(error)) ? 'transport' : 'local'),
    });
    this.closed = this.carrier.closed;
    if (facts.idleTimeout > 0) {
      tls.setTimeout(facts.idleTimeout, () => {
        tls.destroy(
          new ConnectionError(
            'TIMEOUT',
            `no byte either way for ${facts.idleTimeout / 1000} s (limits.tlsIdleTimeout)`,
          ),
        );
      });
    }
  }

  serve(onStream: (stream: Stream) => void): void {
    this.carrier.serve(onStream);
  }

  openStream(options?: OpenStreamOptions): Promise<Stream> {
    return this.carrier.openStream(options);
  }

  close(code: number, reason: string, by: 'local' | 'host' = 'local'): void {
    this.carrier.close(code, reason, by);
  }

  async flushed(): Promise<void> {
    const { socket } = this;
    if (socket.destroyed || socket.writableLength === 0) return;
    await new Promise<void>((resolve) => {
      socket.once('drain', resolve).once('finish', resolve).once('close', resolve);
      // An empty write is answered in its turn, also when so little is buffered that no `drain` will come.
      if (!socket.writableEnded) socket.write('', () => resolve());
    });
  }

  stats(): TransportStats {
    const { socket } = this;
    return {
      streams: socket.destroyed ? 0 : 1,
      buffered: socket.readableLength + socket.writableLength,
    };
  }
}

/** Errors of the transport are ConnectionErrors; another one is what a plugin passed to `destroy`. */
function isOurs(error: Error): boolean {
  return error instanceof ConnectionError && error.code !== 'STREAM_CLOSED';
}

/** `close()` of the connection, not a fault of the socket. */
function isClose(error: Error | null): boolean {
  return error instanceof ConnectionError && error.code === 'CONNECTION_CLOSED';
}

/**
 * Makes the socket fail as a stream of the contract does, and say so to the other side: giving up unsent data is a TCP
 * reset, because a proper end would tell the peer that it has it all.
 */
function speakStreamErrors(tls: TLSSocket, tcp: Socket): void {
  const destroy = tls._destroy.bind(tls);
  // An alert of the peer after the handshake (it refuses our certificate: in TLS 1.3 that comes so late) would be emitted
  // as it is, past `_destroy`. A Node that no longer calls this does so.
  Object.assign(tls, { _emitTLSError: (error: Error) => void tls.destroy(error) });
  tls._destroy = (error, callback) => {
    if (!tls.writableEnded) resetWhenDestroyed(tcp);
    if (!isClose(error) || !tls.writableFinished) {
      destroy(error && streamError(error), callback);
      return;
    }
    // The reader learns of the end now; the socket closes when the peer has everything.
    callback(error);
    linger(tls, () => destroy(null, () => {}));
  };
}

/**
 * Node's `resetAndDestroy()` sends a FIN before the RST, and a peer that is quick reads an orderly end. This is the mark
 * that it sets for its `_destroy`; a Node that no longer looks at it sends the FIN alone.
 */
export function resetWhenDestroyed(tcp: Socket): void {
  Object.assign(tcp, { resetAndClosing: true });
}

function streamError(error: Error & { code?: unknown; reason?: unknown }): Error {
  switch (error.code) {
    case 'ECONNRESET':
    case 'ECONNABORTED':
    case 'EPIPE':
      return new ConnectionError('STREAM_RESET', 'the peer reset the TCP connection', { cause: error });
    case 'ETIMEDOUT':
      return new ConnectionError('TIMEOUT', 'the peer no longer answers TCP keep-alive', { cause: error });
    case 'ERR_STREAM_WRITE_AFTER_END':
      return new ConnectionError('STREAM_CLOSED', 'written after end()', { cause: error });
  }
  if (typeof error.code === 'string' && /^(ERR_SSL_|ERR_TLS_|E[A-Z]+$)/.test(error.code)) {
    // OpenSSL's messages carry addresses and line breaks; beside them it tells the reason alone.
    const reason = typeof error.reason === 'string' ? error.reason : error.message;
    return new ConnectionError('INTERNAL', `TLS failed: ${reason}`, { cause: error });
  }
  return error;
}

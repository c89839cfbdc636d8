/**
 * One outgoing QUIC connection, on a UDP socket of its own. `docs/spec/endpoint.md` 10.
 *
 * @module
 */

import { randomBytes } from 'node:crypto';
import type { CloseInfo, RemoteAddress } from '@alknet/sdk';
import { quiche } from '@matrixai/quic/native/index.js';
import type { Connection as QuicheConnection } from '@matrixai/quic/native/types.js';
import { addressText, isLoopback, isV6, plainAddress } from '../address.ts';
import { DialError, type DialErrorCode } from '../dial-error.ts';
import type { DialOptions } from '../engine.ts';
import { quicConfig, sendPayload } from './config.ts';
import { QuicConnection } from './connection.ts';
import { connectionIdLength } from './packet.ts';
import { QuicSocket } from './socket.ts';

/** What a dial holds on to until its connection is over. */
export interface Dialled {
  /** Lets the socket go; when the connection was closed, after the peer has been told. */
  release(): Promise<void>;
}

/** `live` holds what is not over, for the transport to end. */
export async function dialQuic(options: DialOptions, live: Set<Dialled>): Promise<QuicConnection> {
  const { address: remote, tuning } = options;
  const target = `${addressText(remote)} over QUIC`;
  if (options.signal?.aborted) throw aborted(target, options.signal);

  let connection: QuicConnection | undefined;
  let refused = (_error: NodeJS.ErrnoException): void => {};
  const fromRemote = (data: Buffer, from: RemoteAddress) => {
    if (from.port === remote.port && from.address === plainAddress(remote.address)) connection?.receive(data);
  };
  const onError = (error: NodeJS.ErrnoException) => refused(error);
  const socket = await QuicSocket.bind(wildcard(remote), 0, fromRemote, onError).catch((cause: unknown) => {
    throw new DialError('Connect', `${target}: no UDP socket: ${String(cause)}`, { cause });
  });
  const held: Dialled = {
    release: async () => {
      live.delete(held);
      if (connection?.over === true) await connection.farewell;
      await socket.close();
    },
  };
  live.add(held);
  const release = () => void held.release();
  try {
    await socket.connect(remote);
  } catch (error) {
    release();
    throw unreachable(target, error);
  }
  if (options.signal?.aborted) {
    release();
    throw aborted(target, options.signal);
  }

  const local = { address: wildcard(remote), port: socket.address.port };
  let native: QuicheConnection;
  try {
    native = quiche.Connection.connect(
      options.serverName,
      randomBytes(connectionIdLength),
      { host: local.address, port: local.port },
      { host: remote.address, port: remote.port },
      quicConfig({
        certificate: options.certificate,
        alpns: [options.alpn],
        demandCertificate: true,
        payload: sendPayload(tuning, local, remote),
        tuning,
      }),
    );
  } catch (cause) {
    release();
    throw new DialError('Handshake', `${target}: own certificate, key or server name is unusable`, { cause });
  }

  return await new Promise<QuicConnection>((resolve, reject) => {
    let settled = false;
    const settle = (error?: Error) => {
      if (settled) return false;
      settled = true;
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
      if (error !== undefined) reject(error);
      return true;
    };
    // An ICMP message may be forged by who guesses the port: it ends an attempt, as it does of TCP, and no connection.
    refused = (error) => {
      if (!isFinal(error) || !settle(unreachable(target, error))) return;
      dialled.abandonAll();
    };
    const timer = setTimeout(() => {
      if (
        !settle(
          new DialError(
            'HandshakeTimeout',
            `${target}: no complete handshake within ${options.timeoutMs} ms`,
          ),
        )
      )
        return;
      dialled.abandonAll();
    }, options.timeoutMs);
    const onAbort = () => {
      if (settle(aborted(target, options.signal))) dialled.abandonAll();
    };
    options.signal?.addEventListener('abort', onAbort, { once: true });

    const dialled = new QuicConnection(
      { native, role: 'client', local, remote, sink: socket, tuning, serverName: options.serverName },
      {
        established: (made) => {
          const chain = made.peerCertificate === null ? [] : [made.peerCertificate, ...made.peerChain];
          try {
            options.verify(chain);
          } catch (error) {
            settle(error instanceof Error ? error : new DialError('Handshake', String(error)));
            // RFC 9001 4.8: bad_certificate. No application byte has been sent.
            // After our Finished has left: closed before it, quiche 0.18 never sends the close, and the listener would
            // hold the handshake until its limit.
            setImmediate(() => made.closeTransport(0x12a, 'certificate refused'));
            return;
          }
          if (!settle()) return;
          made.keepAlive();
          resolve(made);
        },
        gone: release,
      },
    );
    connection = dialled;
    void dialled.closed.then((info) => {
      settle(handshakeError(target, options.alpn, info));
      // The rest is answering stragglers, for which no process must stay.
      socket.unref();
    });
    dialled.schedule();
  });
}

/** Whether trying again on the same socket is in vain: nobody there, no way there, or not allowed to go there. */
function isFinal({ code }: NodeJS.ErrnoException): boolean {
  switch (code) {
    case 'ECONNREFUSED':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EACCES':
    case 'EPERM':
      return true;
  }
  return false;
}

function unreachable(target: string, error: unknown): DialError {
  const { code, message } = error as NodeJS.ErrnoException;
  const text =
    code === 'ECONNREFUSED'
      ? 'nobody listens there (ECONNREFUSED)'
      : `cannot be reached (${code ?? message})`;
  return new DialError('Connect', `${target}: ${text}`, { cause: error });
}

function handshakeError(target: string, alpn: string, { code, reason, by }: CloseInfo): DialError {
  const [name, text]: [DialErrorCode, string] =
    by === 'transport' && code === 0x178
      ? ['NoAlpn', `does not serve ${alpn}`]
      : by === 'transport' && code === 0x02
        ? ['Refused', 'refuses connections now (stopping, or at a limit)']
        : ['Handshake', `handshake failed with 0x${code.toString(16)}${reason === '' ? '' : ` ${reason}`}`];
  return new DialError(name, `${target}: ${text}`);
}

function aborted(target: string, signal: AbortSignal | undefined): DialError {
  return new DialError('Aborted', `${target}: cancelled`, { cause: signal?.reason });
}

/** What to bind for a remote: loopback for loopback, so that payload sizes know of it. */
function wildcard({ address }: RemoteAddress): string {
  if (isLoopback(address)) return isV6(address) ? '::1' : '127.0.0.1';
  return isV6(address) ? '::' : '0.0.0.0';
}

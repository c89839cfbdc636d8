/**
 * The server's handshake: from an accepted TCP socket to a TlsConnection. The ClientHello is read before TLS begins,
 * because it decides which certificate is shown and whether one is asked for. `docs/spec/endpoint.md` 2.4, 5, 7.
 *
 * @module
 */

import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { RemoteAddress } from '@alknet/sdk';
import { isHttpAlpn } from '../alpn.ts';
import { ClientHelloError, ClientHelloRecords, parseClientHello } from '../client-hello.ts';
import type { ClientHello, HandshakeFailure, ListenOptions, ServerParameters } from '../engine.ts';
import { resetWhenDestroyed, TlsConnection } from './connection.ts';
import { highWaterMark, secureContext } from './parameters.ts';

/** A fatal alert `no_application_protocol` as a record of its own (RFC 8446 5.1 and 6, RFC 7301 3.2). */
const noApplicationProtocol = Buffer.from([21, 3, 3, 0, 2, 2, 120]);

export interface Handshake {
  /** Ends it without a connection; nothing after it is over. */
  drop(cause: HandshakeFailure): void;
}

export interface HandshakeEvents {
  done(connection: TlsConnection): void;
  failed(cause: HandshakeFailure): void;
}

/** Exactly one of `events` is called, once, never in this turn. */
export function beginHandshake(
  tcp: Socket,
  ends: { local: RemoteAddress; remote: RemoteAddress },
  options: ListenOptions,
  events: HandshakeEvents,
): Handshake {
  const { policy } = options;
  let settled = false;
  let isSecuring = false;
  let timer: NodeJS.Timeout | undefined;

  const settle = (): boolean => {
    if (settled) return false;
    settled = true;
    clearTimeout(timer);
    return true;
  };
  const drop = (cause: HandshakeFailure) => {
    if (!settle()) return;
    // The client may think its handshake done, and would read an orderly end.
    if (isSecuring) resetWhenDestroyed(tcp);
    tcp.destroy();
    events.failed(cause);
  };
  /** Says goodbye with an alert; the reader of a plain RST would not learn why. */
  const refuse = (cause: HandshakeFailure, alert: Buffer) => {
    if (!settle()) return;
    tcp.end(alert, () => tcp.destroy());
    events.failed(cause);
  };

  timer = setTimeout(() => drop('timeout'), policy.handshakeTimeout);
  tcp.on('error', () => drop('transport'));
  tcp.once('close', () => drop('transport'));

  const records = new ClientHelloRecords();
  const onEnd = () => drop('transport');
  const onData = (chunk: Buffer) => {
    const hello = readHello(records, chunk);
    if (hello === 'malformed') drop('tls');
    if (hello === undefined || hello === 'malformed') return;
    tcp.pause();
    tcp.off('data', onData);
    tcp.off('end', onEnd);
    const parameters = policy.parameters('tls', hello, ends.local, options.filter);
    if (parameters === undefined) return drop('tls');
    const alpn = negotiate(hello, parameters, options.fallbackAlpn ?? null);
    if (alpn === undefined) {
      if (hello.alpns.length === 0) drop('alpn');
      else refuse('alpn', noApplicationProtocol);
      return;
    }
    // The TLS stack reads from the socket's buffer first.
    tcp.unshift(records.received);
    isSecuring = true;
    secure(hello, parameters, alpn);
  };
  tcp.on('data', onData);
  tcp.once('end', onEnd);

  const secure = (hello: ClientHello, parameters: ServerParameters, alpn: string) => {
    const tls = new TLSSocket(tcp, {
      isServer: true,
      secureContext: secureContext(
        parameters.certificate,
        parameters.tls12ForHttp === true && isHttpAlpn(alpn) ? 'TLSv1.2' : 'TLSv1.3',
      ),
      ALPNProtocols: hello.alpns.length === 0 ? [] : [alpn],
      requestCert: parameters.clientCertificate !== 'none',
      // Whom a key belongs to is the peer table's to say; the signature made with it has been checked by the stack.
      rejectUnauthorized: false,
      ...{ highWaterMark },
    });
    const failed = () => {
      tls.destroy();
      drop('tls');
    };
    tls.on('error', failed);
    tls.once('close', failed);
    // Half-open sockets stay when the other side goes; an end before the handshake is over is its failure.
    tls.once('end', failed);
    tls.once('secure', () => {
      tls.off('error', failed);
      tls.off('close', failed);
      tls.off('end', failed);
      if (!settle()) return;
      // Node clears this mark on the sockets of its own server alone, and its HTTP/2 waits for it.
      Object.assign(tls, { secureConnecting: false });
      events.done(
        new TlsConnection(tls, tcp, {
          alpn,
          serverName: hello.serverName,
          ...ends,
          peerCertificate: tls.getPeerX509Certificate()?.raw ?? null,
          peerChain: [],
          idleTimeout: options.tuning.tlsIdleTimeout,
        }),
      );
    });
  };
  return { drop };
}

function readHello(records: ClientHelloRecords, chunk: Uint8Array): ClientHello | undefined | 'malformed' {
  try {
    const message = records.feed(chunk);
    return message && parseClientHello(message);
  } catch (error) {
    if (error instanceof ClientHelloError) return 'malformed';
    throw error;
  }
}

/** The server's preference decides (`docs/spec/endpoint.md` 2.2). */
function negotiate(
  hello: ClientHello,
  { alpns }: ServerParameters,
  fallback: string | null,
): string | undefined {
  if (hello.alpns.length > 0) return alpns.find((name) => hello.alpns.includes(name));
  return fallback !== null && alpns.includes(fallback) ? fallback : undefined;
}

/**
 * The client's handshake over TCP. `docs/spec/endpoint.md` 10, `docs/spec/identity.md` 10.
 *
 * @module
 */

import type { X509Certificate } from 'node:crypto';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { tunnelThrough } from '@alknet/sdk/streams';
import { addressText } from '../address.ts';
import { DialError } from '../dial-error.ts';
import type { DialOptions } from '../engine.ts';
import { TlsConnection } from './connection.ts';
import { endsOf } from './listener.ts';
import { highWaterMark, secureContext, socketOptions } from './parameters.ts';

/** @throws DialError */
export async function dialTls(options: DialOptions): Promise<TlsConnection> {
  return await handshake(options, await tcpTo(options));
}

/** Directly at once, while it connects; through a proxy when the proxy has it. @throws DialError */
async function tcpTo({ address, proxy, timeoutMs, signal }: DialOptions): Promise<Socket> {
  if (proxy === undefined) return connectTcp({ ...socketOptions, host: address.address, port: address.port });
  const { protocol, host, port } = proxy.address;
  const tcp = connectTcp({ ...socketOptions, host, port });
  // The handshake with the proxy hears of it by its close.
  tcp.on('error', () => {});
  const timeout = AbortSignal.timeout(timeoutMs);
  const over = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  const abort = () => tcp.destroy();
  over.addEventListener('abort', abort, { once: true });
  try {
    if (over.aborted) abort();
    await tunnelThrough(tcp, protocol, { host: address.address, port: address.port }, proxy.credentials);
    return tcp;
  } catch (error) {
    tcp.destroy();
    const place = `${addressText(address)} over TLS through ${protocol}://${addressText({ address: host, port })}`;
    const why = error instanceof Error ? error.message : String(error);
    if (signal?.aborted) throw new DialError('Aborted', `${place}: given up`);
    if (timeout.aborted)
      throw new DialError('HandshakeTimeout', `${place}: no way through within ${timeoutMs} ms`);
    throw new DialError('Connect', `${place}: ${why}`, { cause: error });
  } finally {
    over.removeEventListener('abort', abort);
  }
}

function handshake(options: DialOptions, tcp: Socket): Promise<TlsConnection> {
  const { address, alpn, signal } = options;
  const place = `${addressText(address)} over TLS`;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      tcp.on('error', () => {});
      tcp.destroy();
      reject(new DialError('Aborted', `${place}: given up before it began`));
      return;
    }
    const tls = connectTls({
      socket: tcp,
      secureContext: secureContext(options.certificate),
      ALPNProtocols: [alpn],
      // `options.verify` decides, on what the handshake proved.
      rejectUnauthorized: false,
      ...{ highWaterMark },
      ...(options.serverName === null ? {} : { servername: options.serverName }),
    });

    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      tls.off('error', onError);
      tls.off('close', onClose);
      tls.off('secureConnect', onSecure);
    };
    const fail = (error: unknown) => {
      settle();
      tls.on('error', () => {});
      tcp.on('error', () => {});
      tls.destroy();
      tcp.destroy();
      reject(error);
    };
    const abort = () => fail(new DialError('Aborted', `${place}: given up before the handshake was over`));
    const timer = setTimeout(
      () =>
        fail(
          new DialError('HandshakeTimeout', `${place}: no finished handshake within ${options.timeoutMs} ms`),
        ),
      options.timeoutMs,
    );
    const onError = (error: NodeJS.ErrnoException) => fail(dialError(place, alpn, error, tcp.bytesRead));
    const onClose = () => fail(new DialError('Handshake', `${place}: closed during the handshake`));
    const onSecure = () => {
      try {
        const leaf = tls.getPeerX509Certificate();
        const chain = leaf === undefined ? [] : chainOf(leaf);
        options.verify(chain);
        if (tls.alpnProtocol !== alpn) {
          throw new DialError(
            'NoAlpn',
            `${place}: expected ALPN ${alpn}, the server chose ${tls.alpnProtocol || 'none'}`,
          );
        }
        const ends = endsOf(tcp);
        if (ends === undefined) throw new DialError('Handshake', `${place}: the TCP connection was lost`);
        settle();
        const connection = new TlsConnection(tls, tcp, {
          alpn,
          serverName: options.serverName,
          ...ends,
          peerCertificate: chain[0] ?? null,
          peerChain: chain.slice(1),
          idleTimeout: options.tuning.tlsIdleTimeout,
        });
        resolve(connection);
      } catch (error) {
        fail(error);
      }
    };
    signal?.addEventListener('abort', abort, { once: true });
    tls.on('error', onError);
    tls.once('close', onClose);
    tls.once('secureConnect', onSecure);
  });
}

/** As the server sent it, leaf first. A chain that never ends is cut: nobody's real one is longer. */
function chainOf(leaf: X509Certificate): Uint8Array[] {
  const chain: Uint8Array[] = [];
  for (
    let at: X509Certificate | undefined = leaf;
    at !== undefined && chain.length < 16;
    at = at.issuerCertificate
  ) {
    chain.push(at.raw);
  }
  return chain;
}

function dialError(place: string, alpn: string, error: NodeJS.ErrnoException, bytesRead: number): DialError {
  const code = error.code ?? '';
  const because = { cause: error };
  if (code === 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL') {
    return new DialError('NoAlpn', `${place}: the node does not serve ${alpn}`, because);
  }
  if (code === 'ECONNRESET' && bytesRead === 0) {
    return new DialError('Refused', `${place}: the connection was closed without an answer`, because);
  }
  if (code === 'ECONNRESET' || code.startsWith('ERR_SSL_') || code === 'EPROTO' || code === 'EPIPE') {
    return new DialError('Handshake', `${place}: ${oneLine(error.message)}`, because);
  }
  return new DialError('Connect', `${place}: ${code === '' ? oneLine(error.message) : code}`, because);
}

/** OpenSSL's messages carry addresses of its objects and line breaks; the reason is its fourth field. */
function oneLine(message: string): string {
  const reason = /:SSL routines:[^:]*:([^:]+):/.exec(message)?.[1];
  return reason ?? message.replace(/\s+/g, ' ').trim();
}

/**
 * The proxy that all forwarded connections leave through. Names go to it unresolved. `docs/spec/ssh.md` 7.7.
 *
 * @module
 */

import { connect, type Socket } from 'node:net';
import { type ProxyAddress, type ProxyCredentials, tunnelThrough } from '@alknet/sdk';

export interface ProxyConnectOptions {
  readonly credentials?: ProxyCredentials;
  readonly signal: AbortSignal;
}

/**
 * A connection to `host` and `port` by way of the proxy. There is no other way: a proxy that fails is a failure.
 *
 * @throws Error without the target in its text
 */
export async function connectThrough(
  proxy: ProxyAddress,
  host: string,
  port: number,
  { credentials, signal }: ProxyConnectOptions,
): Promise<Socket> {
  const socket = connect({ host: proxy.host, port: proxy.port, allowHalfOpen: true, noDelay: true });
  // Whoever takes it over hears of a failure by its close.
  socket.on('error', () => {});
  const abort = () => socket.destroy(new Error('aborted'));
  signal.addEventListener('abort', abort, { once: true });
  try {
    if (signal.aborted) abort();
    await tunnelThrough(socket, proxy.protocol, { host, port }, credentials);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

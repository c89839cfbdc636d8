/**
 * A second engine behind the interface of `engine.ts`, without a network: it shows that nothing outside an engine leans on
 * QUIC or TLS. As `quic` its connections have many streams, as `tls` one. What handshakes prove is proven; nothing is
 * encrypted.
 */

import { setImmediate as turn } from 'node:timers/promises';
import type { DialErrorCode } from '../../../src/endpoint/dial-error.ts';
import { DialError } from '../../../src/endpoint/dial-error.ts';
import type {
  DialOptions,
  Transport,
  TransportConnection,
  TransportKind,
} from '../../../src/endpoint/engine.ts';
import type { MemoryConnection } from './connection.ts';
import { MemoryListener, type ServerHandshake } from './listener.ts';
import { MemoryNetwork } from './network.ts';
import { provenChain } from './proof.ts';

/** The same for every endpoint of the process, as loopback is. */
const loopback = new MemoryNetwork<MemoryListener>();

export function memoryTransport(kind: TransportKind): Transport {
  const live = new Set<TransportConnection>();
  return {
    kind,
    listen: async (options) => new MemoryListener(kind, loopback, options),
    dial: async (options) => {
      const connection = await dial(kind, options);
      live.add(connection);
      void connection.closed.then(() => live.delete(connection));
      return connection;
    },
    close: async () => {
      for (const connection of live) connection.close(0, '', 'host');
    },
  };
}

async function dial(kind: TransportKind, options: DialOptions): Promise<MemoryConnection> {
  const { address, port } = options.address;
  const target = `${address}:${port} over ${kind} in memory`;
  let handshake: ServerHandshake | undefined;
  let stop: (code: DialErrorCode, text: string) => void = () => {};
  let isStopped = false;
  const stopped = new Promise<never>((_resolve, reject) => {
    stop = (code, text) => {
      isStopped = true;
      reject(new DialError(code, `${target}: ${text}`));
    };
  });
  stopped.catch(() => {});
  const abort = () => stop('Aborted', 'cancelled');
  const late = () => stop('HandshakeTimeout', `no complete handshake within ${options.timeoutMs} ms`);
  const timer = setTimeout(late, options.timeoutMs);
  if (options.signal?.aborted) abort();
  options.signal?.addEventListener('abort', abort, { once: true });
  const shake = async (): Promise<MemoryConnection> => {
    // Each flight takes a turn, as a network would: nothing here is over at once.
    await turn();
    if (isStopped) return await stopped;
    const listener = loopback.find(kind, options.address);
    if (listener === undefined && kind === 'tls') throw new DialError('Connect', `${target}: ECONNREFUSED`);
    if (listener === undefined) return await stopped;
    const hello = { serverName: options.serverName, alpns: [options.alpn] };
    const remote = { address: '127.0.0.1', port: loopback.freePort() };
    const answer = listener.greet(remote, hello);
    await turn();
    if (answer === 'silence') return await stopped;
    if (answer === 'refused') throw new DialError('Refused', `${target}: refuses connections now`);
    if (answer === 'no alpn') throw new DialError('NoAlpn', `${target}: does not serve ${options.alpn}`);
    if (answer === 'unusable') throw new DialError('Handshake', `${target}: the server has no certificate`);
    handshake = answer;
    if (isStopped) return await stopped;
    options.verify(answer.chain);
    const made = answer.finish({ remote, hello, chain: shown(options), tuning: options.tuning });
    if (made === 'gone') throw new DialError('Refused', `${target}: given up by the server`);
    if (made === 'certificate')
      throw new DialError('Handshake', `${target}: the server refuses the own certificate, or wants one`);
    return made;
  };
  try {
    return await Promise.race([shake(), stopped]);
  } catch (error) {
    handshake?.drop('transport');
    throw error;
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', abort);
  }
}

function shown({ certificate }: DialOptions): readonly Uint8Array[] | undefined {
  if (certificate === null) return [];
  try {
    return provenChain(certificate);
  } catch {
    return undefined;
  }
}

/**
 * A connection to one of the places that were approved. `docs/spec/ssh.md` 7.4.
 *
 * @module
 */

import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { ProxyAddress, ProxyCredentials } from '@alknet/sdk';
import type { Approved, Resolve } from './approve.ts';
import { connectThrough } from './egress-proxy.ts';

/** Milliseconds for all addresses together. */
const connectMs = 10_000;
/** Milliseconds after which the next address gets its turn while others are left: RFC 8305 5 would start it beside. */
const attemptMs = 3000;

/** The addresses of a name in the order of RFC 6724, as the system's resolver gives them. */
export const systemResolve: Resolve = async (name, signal) => {
  const found = lookup(name, { all: true, order: 'verbatim' });
  const late = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  return (await Promise.race([found, late])).map(({ address }) => address);
};

export interface Egress {
  readonly proxy: ProxyAddress;
  /** Read anew at each connection. */
  readonly credentials: () => ProxyCredentials | undefined;
}

/**
 * Connects to the first of the places that answers; only to those that were approved, never to a name.
 *
 * @throws Error without the target in its text
 */
export async function connectApproved(
  places: readonly Approved[],
  signal: AbortSignal,
  egress?: Egress,
): Promise<Socket> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(connectMs)]);
  for (const [index, { name, address, port }] of places.entries()) {
    const isLast = index === places.length - 1;
    const turn = isLast ? within : AbortSignal.any([within, AbortSignal.timeout(attemptMs)]);
    try {
      if (egress !== undefined) {
        const credentials = egress.credentials();
        const host = name ?? address?.text ?? '';
        return await connectThrough(egress.proxy, host, port, {
          ...(credentials && { credentials }),
          signal: turn,
        });
      }
      if (address !== undefined) return await connectTo({ host: address.text, port }, turn);
    } catch (error) {
      if (isLast || within.aborted) throw error;
    }
  }
  throw new Error('connect failed');
}

/** @throws Error without the path in its text */
export function connectSocket(path: string, signal: AbortSignal): Promise<Socket> {
  return connectTo({ path }, AbortSignal.any([signal, AbortSignal.timeout(connectMs)]));
}

async function connectTo(
  to: { readonly host: string; readonly port: number } | { readonly path: string },
  signal: AbortSignal,
): Promise<Socket> {
  const socket = connect({ ...to, allowHalfOpen: true, noDelay: true });
  // Whoever takes it over hears of a failure by its close.
  socket.on('error', () => {});
  try {
    await once(socket, 'connect', { signal });
    return socket;
  } catch {
    socket.destroy();
    throw new Error('connect failed');
  }
}

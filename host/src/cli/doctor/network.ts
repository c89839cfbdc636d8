/**
 * The network of the machine: the addresses that the node listens on, and UDP on loopback.
 *
 * @module
 */

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { type Check, fail, ok, type Patient, reason } from './check.ts';

interface Wanted {
  readonly key: 'listen.quic' | 'listen.tls';
  readonly host: string;
  readonly port: number;
}

export async function ports({ config, node }: Patient): Promise<Check> {
  if (config === undefined) return ok('ports', 'nothing to look at without a configuration');
  if (node !== undefined) {
    const places = node.addresses.map(({ transport, address, port }) => `${transport} ${address}:${port}`);
    return ok('ports', `ours: ${places.join(', ') || 'none'}`);
  }
  const { quic, tls } = config.config.listen;
  const wanted: Wanted[] = [
    ...(quic === false
      ? []
      : quic.addresses.map(({ host, port }) => ({ key: 'listen.quic' as const, host, port }))),
    ...(tls === false
      ? []
      : tls.addresses.map(({ host, port }) => ({ key: 'listen.tls' as const, host, port }))),
  ];
  const faults: string[] = [];
  for (const place of wanted) {
    const fault = await bindFault(place);
    if (fault !== undefined) faults.push(`${place.key} ${place.host}:${place.port}: ${fault}`);
  }
  if (faults.length === 0) return ok('ports', wanted.length === 0 ? 'none wanted' : 'free');
  return fail(
    'ports',
    faults.join('; '),
    'end the program that has it, or change that key of the configuration',
  );
}

/** Why a socket cannot be bound there; it is let go at once. */
async function bindFault({ key, host, port }: Wanted): Promise<string | undefined> {
  const address = host === '*' ? undefined : host;
  try {
    if (key === 'listen.tls') {
      const server = createServer().listen({ port, ...(address === undefined ? {} : { host: address }) });
      await once(server, 'listening');
      await new Promise((resolve) => server.close(resolve));
    } else {
      const socket = createSocket(address === undefined || address.includes(':') ? 'udp6' : 'udp4');
      socket.bind({ port, ...(address === undefined ? {} : { address }) });
      await once(socket, 'listening');
      socket.close();
    }
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') return 'another program has it';
    if (code === 'EACCES') return 'this user may not listen there';
    return code === 'EADDRNOTAVAIL' ? 'no address of this machine' : reason(error);
  }
}

/** Milliseconds for a datagram to come round. */
const patience = 1000;

export async function loopbackUdp(): Promise<Check> {
  const socket = createSocket('udp4');
  try {
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const begun = performance.now();
    const back = once(socket, 'message', { signal: AbortSignal.timeout(patience) });
    socket.send('alknet', socket.address().port, '127.0.0.1');
    await back;
    return ok('loopback UDP', `${(performance.now() - begun).toFixed(1)} ms`);
  } catch (error) {
    return fail(
      'loopback UDP',
      `no datagram came round: ${reason(error)}`,
      'allow UDP on loopback in the firewall',
    );
  } finally {
    socket.close();
  }
}

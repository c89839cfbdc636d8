/** Clients for a simulated network: real Initial packets, made by quiche, and no socket under them. */

import { randomBytes } from 'node:crypto';
import type { RemoteAddress } from '@alknet/sdk';
import { quiche } from '@matrixai/quic/native/index.js';
import { quicConfig } from '../../../src/endpoint/quic/config.ts';
import { clientCertificate, tuning } from './support.ts';

export const server: RemoteAddress = { address: '192.0.2.1', port: 4433 };

/** A ClientHello with these ALPNs needs two datagrams. */
export const longAlpns: readonly string[] = [
  ...Array.from({ length: 25 }, (_, i) => `long/${'x'.repeat(50)}/${i}`),
  'test/echo',
];

export interface Flights {
  /** Without a token. */
  readonly first: readonly Buffer[];
  /** The same ClientHello again, with the token of this Retry; empty when it is no Retry for us. */
  second(retry: Uint8Array): readonly Buffer[];
}

export function flights(remote: RemoteAddress, alpns: readonly string[] = ['test/echo']): Flights {
  const here = { host: remote.address, port: remote.port };
  const there = { host: server.address, port: server.port };
  const native = quiche.Connection.connect(
    null,
    randomBytes(16),
    here,
    there,
    quicConfig({ certificate: clientCertificate, alpns, demandCertificate: true, payload: 1350, tuning }),
  );
  const send = (): Buffer[] => {
    const sent: Buffer[] = [];
    const out = Buffer.alloc(1200);
    for (let result = native.send(out); result !== null; result = native.send(out))
      sent.push(Buffer.from(out.subarray(0, result[0])));
    return sent;
  };
  return {
    first: send(),
    second: (retry) => {
      native.recv(Buffer.from(retry), { from: there, to: here });
      return send();
    },
  };
}

/** An Initial that nobody can open, as one sends who only fills tables. `token` as it stands in the packet. */
export function forgedInitial(token: Uint8Array = Buffer.alloc(0), destination = randomBytes(16)): Buffer {
  const datagram = Buffer.from(randomBytes(1200));
  datagram.set([0xc3, 0, 0, 0, 1, 16]);
  datagram.set(destination, 6);
  datagram[22] = 16;
  datagram.writeUInt16BE(0x4000 | token.length, 39);
  datagram.set(token, 41);
  const rest = 41 + token.length;
  datagram.writeUInt16BE(0x4000 | (1200 - rest - 2), rest);
  return datagram;
}

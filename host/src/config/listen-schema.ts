/**
 * The schema of `listen`. `docs/spec/config.md` 11.
 *
 * @module
 */

import { Type } from '@alknet/sdk/typebox';
import { closed, count, either, object } from './kinds.ts';

const alpn = Type.String({
  pattern: '^[\\x21-\\x7e]{1,64}$',
  expects: 'an ALPN of 1 to 64 visible ASCII characters',
});

const address = Type.String({
  pattern: '^(\\*|[^\\s:\\[\\]]+|\\[[0-9A-Fa-f:.%a-z]+\\]):[0-9]{1,5}$',
  expects: 'an address such as "127.0.0.1:4433", "[::1]:4433" or "*:4433"',
});

const listenAddress = Type.String({ ...address, description: 'Where to listen.' });

const alpns = Type.Optional(Type.Array(alpn, { description: 'Only these ALPNs are offered here.' }));

const loopback = '127.0.0.1:4433';

const quicListen = object(
  {
    addresses: Type.Array(
      either(
        [address, Type.Object({ address: listenAddress, alpns }, closed)],
        'an address, or { address, alpns }',
        {
          description: 'Where to listen.',
        },
      ),
      { default: [loopback], description: 'Where to listen.' },
    ),
    udpPayload: count({
      minimum: 1200,
      maximum: 16_000,
      default: 1350,
      description: 'Bytes of a datagram beyond loopback.',
    }),
    loopbackUdpPayload: count({
      minimum: 1200,
      maximum: 16_000,
      default: 8192,
      description: 'Bytes of a datagram on loopback.',
    }),
    keepAlive: Type.Boolean({ default: false, description: 'Send PING on idle accepted connections too.' }),
  },
  { description: 'QUIC listeners.' },
);

const fallbackAlpn = either([alpn, Type.Null()], 'an ALPN, or null', {
  description: 'ALPN of a client that sends no ALPN extension; null refuses it.',
});

const tlsListen = object(
  {
    addresses: Type.Array(
      either(
        [
          address,
          Type.Object({ address: listenAddress, alpns, fallbackAlpn: Type.Optional(fallbackAlpn) }, closed),
        ],
        'an address, or { address, alpns, fallbackAlpn }',
        { description: 'Where to listen.' },
      ),
      { default: [loopback], description: 'Where to listen.' },
    ),
    fallbackAlpn: Type.Union([alpn, Type.Null()], {
      default: 'http/1.1',
      expects: 'an ALPN, or null',
      description: 'ALPN of a client that sends no ALPN extension; null refuses it.',
    }),
  },
  { description: 'TLS listeners.' },
);

const irohListen = Type.Object(
  {
    relays: Type.Array(Type.String(), { default: [], description: 'URLs of relays.' }),
    relayOnly: Type.Boolean({ default: false, description: 'Never a direct path.' }),
    discovery: Type.Boolean({ default: false, description: 'Publish where this node is.' }),
    alpns,
  },
  closed,
);

const orOff = 'an address, a list of addresses, an object, or false';

export const listen = object(
  {
    quic: Type.Union([address, Type.Array(address), quicListen, Type.Literal(false)], {
      default: loopback,
      expects: orOff,
      description: 'Where QUIC listens.',
    }),
    tls: Type.Union([address, Type.Array(address), tlsListen, Type.Literal(false)], {
      default: loopback,
      expects: orOff,
      description: 'Where TLS over TCP listens.',
    }),
    iroh: Type.Union([Type.Boolean(), irohListen], {
      default: false,
      expects: 'true, false or an object',
      description: 'Reachable by key through relays and hole punching.',
    }),
  },
  { default: {}, description: 'Where the node listens. A change needs a restart.' },
);

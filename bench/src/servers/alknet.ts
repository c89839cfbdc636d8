/**
 * alknet as far as it can be put together without a node: transports, sessions and the real registry, without endpoint
 * and identity. To be replaced by a whole node as soon as one can be started.
 *
 * @module
 */

import { CarriedConnection, noCapabilities, type Stream, silentLog } from '@alknet/sdk';
import { createSession } from '@alknet/sdk/call';
import { quicTransport } from '../../../host/src/endpoint/quic/index.ts';
import { tlsTransport } from '../../../host/src/endpoint/tls/index.ts';
import { noPrivilege } from '../../../host/src/registry/registration.ts';
import { Registry } from '../../../host/src/registry/registry.ts';
import plugin from '../echo-plugin.ts';
import { chunkSize } from '../message.ts';
import type { ServeOptions, Server } from '../stack.ts';

export const tuning = (udpPayload: number) => ({
  idleTimeout: 30_000,
  tlsIdleTimeout: 0,
  streamsPerConnection: 256,
  bufferedPerConnection: 32 << 20,
  udpPayload,
  loopbackUdpPayload: udpPayload,
  keepAlive: false,
});

const operator = Object.freeze({ id: 'operator', scopes: ['admin'], resources: {} });
const registry = new Registry({
  identities: { current: (identity) => identity, resolveToken: () => undefined, onChange: () => () => {} },
  store: {} as never,
  limits: { callTimeout: 30_000, callTimeoutMax: 600_000 },
  log: silentLog,
});
registry.publish(
  {
    name: 'bench',
    provenance: { name: 'bench', version: '0.1.0', package: '', integrity: '' },
    privilege: noPrivilege,
    capabilities: noCapabilities,
    concurrency: 1024,
    log: silentLog,
  },
  plugin.operations ?? [],
);
const auth = { alpn: 'alknet/call', transport: 'quic', remote: null, fingerprint: null, identity: operator };

function pour(stream: Stream): void {
  const chunk = Buffer.alloc(chunkSize, 1);
  const more = () => {
    while (!stream.destroyed) if (!stream.write(chunk)) return void stream.once('drain', more);
  };
  stream.on('error', () => {});
  stream.resume();
  more();
}

export async function serve(
  stack: 'quic' | 'tls',
  { certificate, udpPayload }: ServeOptions,
): Promise<Server> {
  const transport = stack === 'quic' ? quicTransport() : tlsTransport();
  const listener = await transport.listen({
    host: '127.0.0.1',
    port: 0,
    tuning: tuning(udpPayload),
    policy: {
      handshakeTimeout: 10_000,
      admit: () => ({ established() {}, release() {} }),
      parameters: () => ({
        certificate,
        alpns: ['alknet/call', 'bench/bulk', 'bench/stream'],
        clientCertificate: 'none',
      }),
      accepted: (connection) => {
        if (connection.alpn === 'alknet/call') {
          const facts = {
            id: '1',
            alpn: 'alknet/call',
            transport: stack,
            remote: null,
            serverName: null,
            auth,
          };
          return void createSession(new CarriedConnection(connection, facts), {
            serve: registry.gateway(auth).server,
          });
        }
        connection.serve((stream) => {
          if (connection.alpn === 'bench/bulk') return pour(stream);
          stream.on('error', () => {});
          stream.pipe(stream);
        });
      },
    },
  });
  return {
    address: { host: '127.0.0.1', port: listener.address.port, udpPayload },
    stop: () => listener.close(),
  };
}

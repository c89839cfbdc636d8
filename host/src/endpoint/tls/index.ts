/**
 * TLS 1.3 over TCP as a transport of the endpoint: one connection, one stream. `docs/spec/endpoint.md` 7.
 *
 * @module
 */

import type { Transport } from '../engine.ts';

export function tlsTransport(): Transport {
  return {
    kind: 'tls',
    // Most that dial are through over QUIC before they need this.
    listen: async (options) => await (await import('./listener.ts')).listenTls(options),
    dial: async (options) => await (await import('./dial.ts')).dialTls(options),
    // Every dialled connection has a socket of its own; none is shared that would have to be closed here.
    close: async () => {},
  };
}

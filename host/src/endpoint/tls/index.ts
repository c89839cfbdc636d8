/**
 * TLS 1.3 over TCP as a transport of the endpoint: one connection, one stream. `docs/spec/endpoint.md` 7.
 *
 * @module
 */

import type { Transport } from '../engine.ts';
import { dialTls } from './dial.ts';
import { listenTls } from './listener.ts';

export function tlsTransport(): Transport {
  return {
    kind: 'tls',
    listen: listenTls,
    dial: dialTls,
    // Every dialled connection has a socket of its own; none is shared that would have to be closed here.
    close: async () => {},
  };
}

/**
 * QUIC behind the engine interface, on the native binding of quiche. No type of it is seen beyond this folder.
 *
 * @module
 */

import type { Transport } from '../engine.ts';
import { type Dialled, dialQuic } from './dial.ts';
import { QuicListener } from './listener.ts';

export function quicTransport(): Transport {
  const live = new Set<Dialled>();
  return {
    kind: 'quic',
    listen: (options) => new QuicListener(options).bind(),
    dial: (options) => dialQuic(options, live),
    close: async () => {
      await Promise.all([...live].map((each) => each.release()));
    },
  };
}

/**
 * QUIC behind the engine interface, on the native binding of quiche. No type of it is seen beyond this folder.
 *
 * @module
 */

import type { Transport } from '../engine.ts';
import { type Dialled, dialQuic } from './dial.ts';

export function quicTransport(): Transport {
  const live = new Set<Dialled>();
  return {
    kind: 'quic',
    // A program that only dials does without.
    listen: async (options) => {
      const { QuicListener } = await import('./listener.ts');
      return await new QuicListener(options).bind();
    },
    dial: (options) => dialQuic(options, live),
    close: async () => {
      await Promise.all([...live].map((each) => each.release()));
    },
  };
}

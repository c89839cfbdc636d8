/**
 * What any engine behind `engine.ts` must do. A new one is held to it by one file:
 *
 *     import { engineContract } from './contract.ts';
 *     engineContract({ name: 'mine', make: () => myTransport() });
 */

import { connectionContract, manyStreamsContract, oneStreamContract } from './connections.ts';
import { handshakeContract } from './handshakes.ts';
import type { Engine } from './support.ts';

export function engineContract(engine: Engine): void {
  handshakeContract(engine);
  connectionContract(engine);
  if (engine.make().kind === 'quic') manyStreamsContract(engine);
  else oneStreamContract(engine);
}

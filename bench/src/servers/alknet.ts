/**
 * A whole alknet node, made as an operator makes one: `alknet init`, a plugin in the configuration, `startNode`.
 *
 * @module
 */

import { startNode } from '@alknet/host';
import type { ServeOptions, Server } from '../stack.ts';
import { echoPlugin, makeNode } from './node.ts';

/** `worker`: QUIC, and the plugin in a thread of its own. */
export async function serve(stack: 'quic' | 'worker' | 'tls', { udpPayload }: ServeOptions): Promise<Server> {
  const transport = stack === 'tls' ? 'tls' : 'quic';
  const made = await makeNode();
  const listener = {
    addresses: ['127.0.0.1:0'],
    ...(transport === 'quic' ? { udpPayload, loopbackUdpPayload: udpPayload } : {}),
  };
  await made.configure({
    listen: { quic: false, tls: false, [transport]: listener },
    plugins: { call: true, bench: echoPlugin(stack === 'worker' ? 'worker' : 'inline') },
  });
  const node = await startNode({ configPath: made.configPath });
  return {
    address: made.address(node, udpPayload),
    stop: async () => {
      await node.stop();
      await made.remove();
    },
  };
}

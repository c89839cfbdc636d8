/**
 * A whole alknet node behind its HTTP plugin, and a token for who calls it.
 *
 * @module
 */

import { startNode } from '@alknet/host';
import type { Server } from '../stack.ts';
import { echoPlugin, makeNode } from './node.ts';

export async function serve(): Promise<Server> {
  const made = await makeNode();
  const token = made.token('web');
  await made.configure({
    listen: { quic: false, tls: { addresses: ['127.0.0.1:0'] } },
    plugins: { http: true, bench: echoPlugin() },
  });
  const node = await startNode({ configPath: made.configPath });
  return {
    address: { ...made.address(node, 0), token },
    stop: async () => {
      await node.stop();
      await made.remove();
    },
  };
}

/**
 * The process of one server.
 *
 * @module
 */

import { setTimeout as delay } from 'node:timers/promises';
import type { ServeOptions, Server, StackName } from '../stack.ts';
import { expose } from './expose.ts';
import type { ServerCalls } from './protocol.ts';

/** Loaded when wanted, so that no stack's process carries the code of another. */
async function serve(stack: StackName, options: ServeOptions): Promise<Server> {
  switch (stack) {
    case 'quic':
    case 'worker':
    case 'tls':
      return (await import('../servers/alknet.ts')).serve(stack, options);
    case 'hop1':
    case 'hop2':
      return (await import('../servers/chain.ts')).chain(stack === 'hop1' ? 1 : 2, options);
    case 'crowd':
      return (await import('../servers/crowd.ts')).crowded(options);
    case 'grpc':
      return (await import('../servers/grpc.ts')).serve(options);
    case 'ws':
      return (await import('../servers/ws.ts')).serve(options);
    case 'sse':
    case 'websocket':
      return (await import('../servers/web.ts')).serve();
    case 'currentspace':
      return (await import('../servers/currentspace.ts')).serve(options);
    case 'git':
    case 'git-daemon':
    case 'git-http':
      return (await import('../servers/git.ts')).serve(stack, options);
    case 'udp':
      return (await import('../servers/udp.ts')).serve(options);
    default:
      return (await import('../servers/http.ts')).serve(stack, options);
  }
}

let server: Server | undefined;

const calls: ServerCalls = {
  async start(stack, options) {
    server = await serve(stack, options);
    return server.address;
  },
  async memory() {
    // Twice, with a turn between: finalizers of the first collection let go of more.
    for (let round = 0; round < 2; round++) {
      globalThis.gc?.();
      await delay(50);
    }
    const { heapUsed, external, rss } = process.memoryUsage();
    return { js: heapUsed + external, resident: rss };
  },
  async imported() {
    if (server?.imported === undefined) throw new Error('this stack imports nothing');
    return server.imported;
  },
  async stop() {
    await server?.stop();
  },
};

expose(calls);

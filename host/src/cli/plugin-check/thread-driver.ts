/**
 * Runs a plugin for the conformance suite in a thread of its own, on the node in memory.
 *
 * @module
 */

import type { Plugin } from '@alknet/sdk';
import { type ConformanceDriver, createTestNode, type TestNodeOptions } from '@alknet/sdk/testing';
import type { PluginThread } from '../../plugins/worker/index.ts';

export interface InThread {
  /** The stand-in. */
  readonly plugin: Plugin;
  readonly thread: PluginThread;
}

/** `open` gives the plugin in a new thread, which is closed when the node in memory stops. */
export function threadDriver(open: () => Promise<InThread>, options: TestNodeOptions): ConformanceDriver {
  return {
    name: 'worker',
    start: async () => {
      const { plugin, thread } = await open();
      try {
        const node = await createTestNode(plugin, options);
        const stop = node.stop.bind(node);
        node.stop = async () => {
          try {
            await stop();
          } finally {
            await thread.close();
          }
        };
        return node;
      } catch (error) {
        await thread.close();
        throw error;
      }
    },
  };
}

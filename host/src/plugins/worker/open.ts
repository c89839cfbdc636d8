/**
 * Opens a plugin's module in a thread of its own.
 *
 * @module
 */

import type { Plugin } from '@alknet/sdk';
import type { PluginError } from '../plugin-error.ts';
import { proxyPlugin } from './node/plugin-proxy.ts';
import type { WorkerThread } from './node/worker-thread.ts';

/** What its instance needs to know of a plugin's thread. */
export interface PluginThread {
  /** Resolves with the reason when the thread ends without having been asked to; else never. */
  readonly ended: Promise<PluginError>;
  /** Ends it, whatever it does. */
  close(): Promise<void>;
}

export interface OpenedPlugin {
  /** Stands for the module's default export, and is still to be checked like any other. */
  readonly plugin: Plugin;
  readonly thread: PluginThread;
}

/** The module's default export is no plugin. */
export class NoPluginError extends Error {}

/**
 * Imports the module in the thread, which the caller closes.
 * @throws NoPluginError, what the module throws, and PluginError when the thread ends
 */
export async function openInThread(url: string, thread: WorkerThread): Promise<OpenedPlugin> {
  try {
    const described = await thread.link.call('load', [url]);
    if ('fault' in described) throw new NoPluginError(described.fault);
    return { plugin: proxyPlugin(thread, described), thread };
  } catch (error) {
    await thread.close();
    throw error;
  }
}

/**
 * Plugins in threads of their own. `docs/spec/config.md` 6.4.
 *
 * @module
 */

export { ThreadSupply } from './node/thread-supply.ts';
export { defaultHeartbeat, type ThreadOptions, WorkerThread } from './node/worker-thread.ts';
export { NoPluginError, openInThread, type PluginThread } from './open.ts';

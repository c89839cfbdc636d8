/**
 * Plugins in threads of their own. `docs/spec/config.md` 6.4.
 *
 * @module
 */

export { defaultHeartbeat } from './node/worker-thread.ts';
export { NoPluginError, openInThread, type PluginThread, type ThreadOptions } from './open.ts';

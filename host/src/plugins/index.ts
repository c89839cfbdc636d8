/**
 * Plugins: manifest, load, grants, life. `docs/spec/config.md` 5 to 7.
 *
 * @module
 */

export { catchFaults, type Fault } from './faults.ts';
export { type Granted, lineToAdd } from './grants.ts';
export type { PluginInstance } from './instance.ts';
export { loadPlugin } from './load.ts';
export { type LockEntry, lockPath, readLock, writeLockEntry } from './lock-file.ts';
export { type MetricRow, MetricTable } from './metrics.ts';
export { PluginError, type SourcePlace } from './plugin-error.ts';
export { isBuiltIn, locatePlugin, NotInThisBuildError } from './resolve.ts';
export type { PluginServices, PluginSurface } from './services.ts';
export type { PluginState } from './slot.ts';
export { type PluginRow, PluginSupervisor, UnknownPluginError } from './supervisor.ts';

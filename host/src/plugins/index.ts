/**
 * Plugins: manifest, load, grants, life. `docs/spec/config.md` 5 to 7.
 *
 * @module
 */

export { requestLines } from './announce.ts';
export { readArchive, writeFiles } from './archive.ts';
export { builtInNames, isBuiltIn, NotInThisBuildError } from './built-in.ts';
export { type Bundle, bundlePlugin } from './bundle.ts';
export { codeFrame } from './code-frame.ts';
export type { PluginEvent } from './events.ts';
export { catchFaults, type Fault } from './faults.ts';
export { type Granted, grantedOf, lineToAdd, missingGrants } from './grants.ts';
export { importFaults } from './imports.ts';
export type { PluginInstance } from './instance.ts';
export { type LoadedPlugin, loadPlugin } from './load.ts';
export { type LockEntry, lockPath, readLock, writeLockEntry } from './lock-file.ts';
export { manifestOf, readManifest } from './manifest.ts';
export { MetricTable } from './metrics.ts';
export {
  dependenciesOf,
  type Examined,
  examine,
  type Packed,
  packPlugin,
  signArchive,
  type Verified,
  verifyArchive,
  verifyDirectory,
} from './pack.ts';
export { signatureFile } from './package-files.ts';
export { PluginError, reasonOf, type SourcePlace, type SourceProblem, stackOf } from './plugin-error.ts';
export { lackingRight, type Refusal } from './refusals.ts';
export { type Located, locatePlugin } from './resolve.ts';
export type { PluginServices, PluginSurface } from './services.ts';
export { publicKeyText, signPackage } from './signature.ts';
export { manyReloads, type PluginState } from './slot.ts';
export type { Save } from './sources.ts';
export { type PluginRow, PluginSupervisor, UnknownPluginError } from './supervisor.ts';
export { atMost } from './time-limit.ts';
export { publisherOf, TrustError, vouch } from './trust.ts';

/**
 * All that a plugin or a client of alknet is written with. No network, no native code.
 *
 * @module
 */

export * from './capabilities.ts';
export * from './connection.ts';
export * from './context.ts';
export * from './errors.ts';
export * from './identity.ts';
export * from './log.ts';
export * from './operation.ts';
export * from './plugin.ts';
export * from './store.ts';

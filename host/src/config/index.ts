/**
 * The configuration of a node. `docs/spec/config.md`.
 *
 * @module
 */

export * from './edit.ts';
export * from './edit-text.ts';
export * from './effective.ts';
export * from './json-schema.ts';
export * from './live.ts';
export * from './load.ts';
export * from './origins.ts';
export * from './parse-address.ts';
export * from './plugin-switch.ts';
export * from './problems.ts';
export * from './sources.ts';
export * from './watch.ts';

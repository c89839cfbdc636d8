/**
 * The part of this package that a connection needs, and a program that carries bytes: no operations and no schemas, and so
 * a quarter of the time to load.
 *
 * @example
 * import { ConnectionError } from '@alknet/sdk/streams';
 *
 * @module
 */

export * from './authorized-key.ts';
export * from './carried-connection.ts';
export * from './connection.ts';
export * from './errors.ts';
export * from './first-stream.ts';
export * from './identity.ts';
export * from './log.ts';
export * from './names.ts';
export type { DispatchAuth } from './plugin.ts';
export * from './proxy.ts';
export * from './single-stream.ts';

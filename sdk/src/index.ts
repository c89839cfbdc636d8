/**
 * All that a plugin or a client of alknet is written with. No network, no native code.
 *
 * @module
 */

export * from './access.ts';
export { AdapterError, type AdapterErrorCode } from './adapter-error.ts';
export * from './authorized-key.ts';
export { type Deadline, deadline } from './call/deadlines.ts';
export type { Answer, IncomingCall, Server } from './call/server.ts';
export * from './capabilities.ts';
export * from './carried-connection.ts';
export { clientOf } from './client-of.ts';
export * from './command.ts';
export * from './connection.ts';
export * from './context.ts';
export * from './define.ts';
export * from './errors.ts';
export * from './first-stream.ts';
export * from './http-route.ts';
export * from './identity.ts';
export { AbortLatch, Latch } from './latch.ts';
export { callServer, subscribeServer } from './local-call.ts';
export * from './log.ts';
export * from './names.ts';
export * from './operation.ts';
export * from './operation-check.ts';
export * from './plugin.ts';
export * from './proxy.ts';
export { type Placed, Roster } from './roster.ts';
export * from './run.ts';
export { fitting } from './sample.ts';
export * from './schema.ts';
export * from './serve-operations.ts';
export * from './shell-line.ts';
export * from './single-stream.ts';
export * from './store.ts';
export * from './units.ts';

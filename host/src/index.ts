/**
 * The alknet daemon as a library. Programs that only reach a node import `@alknet/host/client`.
 *
 * @module
 */

export { NodeRunning } from './node/data-directory.ts';
export { type AlknetNode, type NodeOptions, startNode } from './node.ts';
export { alknetVersion } from './version.ts';

/**
 * The alknet daemon as a library. Programs that only reach a node import `@alknet/host/client`.
 *
 * @module
 */

export { type AlknetNode, type NodeOptions, NodeRunning, startNode } from './node.ts';
export { alknetVersion } from './version.ts';

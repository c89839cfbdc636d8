/**
 * What a plugin is tested with: a node in memory, connections without a socket, a store, a log that keeps its lines, and
 * the conformance suite.
 *
 * @module
 */

export { captureLog, type LogLine } from './capture-log.ts';
export {
  type CallAs,
  type ConformanceDriver,
  type ConnectAs,
  memoryDriver,
  type PluginUnderTest,
  type Running,
} from './conformance/driver.ts';
export { type Check, ConformanceFault, type StreamSample } from './conformance/subject.ts';
export { type ConformanceOptions, conformance, conformanceChecks } from './conformance.ts';
export { type ConnectionPair, type ConnectionPairOptions, connectionPair } from './connection-pair.ts';
export { type DuplexPairOptions, duplexPair } from './duplex-pair.ts';
export { type CarrierPairOptions, carrierPair, MemoryCarrier } from './memory-carrier.ts';
export { MemoryStore } from './memory-store.ts';
export {
  type As,
  type ConnectOptions,
  createTestNode,
  type Dispatched,
  type TestNode,
  type TestNodeOptions,
} from './test-node.ts';

/**
 * The call protocol without a transport: frames, envelopes and sessions over any {@link Connection}.
 *
 * @module
 */

export { BadFrame, maxNesting, nesting } from './bad-frame.ts';
export {
  type Client,
  makeClient,
  type OperationsOf,
  type PluginClient,
  type PluginType,
  type Wire,
} from './client.ts';
export { createSession } from './create-session.ts';
export { type Deadline, deadline } from './deadlines.ts';
export { type Envelope, toEnvelope, valueText } from './envelope.ts';
export { encodeFrame, FrameReader, maxFrame, parseBody } from './frames.ts';
export { defaultCallLimits } from './limits.ts';
export { type MessageSocket, MessageTransport, type MessageTransportOptions } from './message-transport.ts';
export type { Answer, IncomingCall, Server } from './server.ts';
export {
  type CallOptions,
  Session,
  type SessionOptions,
  type SessionStats,
} from './session.ts';

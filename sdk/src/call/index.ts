/**
 * The call protocol without a transport: frames, envelopes and sessions over any {@link Connection}.
 *
 * @module
 */

export {
  type Client,
  makeClient,
  type OperationsOf,
  type PluginClient,
  type PluginType,
  type Wire,
} from './client.ts';
export { type Deadline, deadline } from './deadlines.ts';
export { type Envelope, toEnvelope, valueText } from './envelope.ts';
export { BadFrame, encodeFrame, FrameReader, maxFrame, maxNesting, nesting, parseBody } from './frames.ts';
export { defaultCallLimits } from './limits.ts';
export type { Answer, IncomingCall, Server } from './server.ts';
export {
  type CallOptions,
  createSession,
  Session,
  type SessionOptions,
  type SessionStats,
} from './session.ts';

/**
 * The endpoint as the assembly of the node uses it.
 *
 * @module
 */

export type { ConnectionRow } from './connection-table.ts';
export type { DialTarget } from './dial.ts';
export { DialError, type DialErrorCode } from './dial-error.ts';
export { DispatchError, type DispatchErrorCode } from './dispatch.ts';
export {
  Endpoint,
  type EndpointDialOptions,
  type EndpointOptions,
  type EndpointStatus,
} from './endpoint.ts';
export type { DialProxy } from './engine.ts';
export { ListenError, type ListenSpec } from './listeners.ts';
export type { Revocation } from './live-connections.ts';
export { type AlpnOwner, defaultSettings, type EndpointSettings, type Identities } from './owner.ts';
export { AlpnClaimError } from './router.ts';
export { type Peer, PeerSyntaxError, parsePeer } from './target.ts';
export { tlsTransport } from './tls/index.ts';

/**
 * The call protocol in a browser: a session over a WebSocket, typed like the one in Node.js, without any part of Node.
 *
 * @example
 * import { connect } from '@alknet/sdk/browser';
 * import type clock from 'acme-clock';
 *
 * const session = await connect('https://node.example', { token });
 * const client = session.client<typeof clock>();
 * const { iso } = await client.call('clock/now', {});
 * for await (const tick of client.subscribe('clock/ticks', {})) show(tick);
 *
 * A session that is lost stays lost, as in Node.js: `session.closed` tells of it, and whoever wants another connects
 * again.
 *
 * @module
 */

export type { Client, OperationsOf, PluginClient, PluginType, Wire } from '../call/client.ts';
export type { IncomingCall, Server } from '../call/server.ts';
export type { CallOptions, Session, SessionStats } from '../call/session.ts';
export { CallError, type CallErrorCode, type CloseInfo, ConnectionError } from '../errors.ts';
export { type ConnectOptions, connect } from './connect.ts';
export { type OfferedContext, type OfferedOperation, offer } from './offer.ts';
export type { SocketConstructor, WebSocketLike } from './socket.ts';

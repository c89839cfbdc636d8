/**
 * A session on the streams of a connection.
 *
 * @module
 */

import type { Connection } from '../connection.ts';
import { ConnectionTransport } from './connection-transport.ts';
import { defaultCallLimits } from './limits.ts';
import { Session, type SessionOptions } from './session.ts';

/** Makes a session of a connection, whose streams it takes. */
export function createSession(connection: Connection, options: SessionOptions = {}): Session {
  return new Session(new ConnectionTransport(connection, options.limits ?? defaultCallLimits), options);
}

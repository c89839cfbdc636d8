/**
 * Runs the plugin that owns a connection, and does what is due when it is done with it. `docs/spec/endpoint.md` 3.
 *
 * @module
 */

import { CloseCode, type Log } from '@alknet/sdk/streams';
import type { HostConnection } from './host-connection.ts';
import type { AlpnOwner } from './owner.ts';

/** Milliseconds after the end of a connection at which a plugin that still holds it is named. */
const patience = 5000;

/** Never rejects: a plugin's failure ends its connection and nothing else. */
export async function serve(owner: AlpnOwner, connection: HostConnection, log: Log): Promise<void> {
  let settled = false;
  let overdue: NodeJS.Timeout | undefined;
  void connection.closed.then(() => {
    if (settled) return;
    overdue = setTimeout(() => {
      log.warn('connection held', {
        id: connection.id,
        plugin: owner.name,
        alpn: connection.alpn,
        ms: patience,
      });
    }, patience);
    overdue.unref();
  });
  try {
    await owner.connection(connection);
    await connection.flushed();
    connection.close(CloseCode.DONE);
  } catch (error) {
    if (isEndOf(connection, error)) connection.close(CloseCode.DONE);
    else {
      log.error('connection handler failed', {
        id: connection.id,
        plugin: owner.name,
        alpn: connection.alpn,
        err: error,
      });
      connection.end(CloseCode.HANDLER_ERROR, 'internal error');
    }
  } finally {
    settled = true;
    clearTimeout(overdue);
  }
}

/** A connection that is over makes its plugin's reads fail; that is its end, not a fault of the plugin. */
function isEndOf(connection: HostConnection, error: unknown): boolean {
  return (
    connection.signal.aborted && (error === connection.signal.reason || hasCode(error, 'CONNECTION_CLOSED'))
  );
}

function hasCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}

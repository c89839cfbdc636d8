/**
 * The call protocol on `alknet/call`: every connection becomes a session that serves the operations of the node to
 * whoever is on the other side. The protocol itself is `@alknet/sdk/call`. `docs/spec/call.md` 1.
 *
 * @module
 */

import { definePlugin } from '@alknet/sdk';
import { createSession, type Session } from '@alknet/sdk/call';

export default definePlugin({
  name: 'call',
  version: '0.1.0',
  alpns: ['alknet/call'],
  requests: { gateway: true },
  start: (host) => {
    const sessions = new Set<Session>();
    let draining = false;
    return {
      async connection(connection) {
        const gateway = host.operations.gateway(connection.auth, connection);
        const session = createSession(connection, {
          serve: gateway.server,
          limits: host.limits,
          log: host.log,
        });
        sessions.add(session);
        gateway.attach(session);
        if (draining) session.drain();
        // At reload or shutdown the callers are told; the connection is the host's to close.
        connection.signal.addEventListener('abort', () => session.letGo(), { once: true });
        await session.closed;
        sessions.delete(session);
      },

      drain() {
        draining = true;
        for (const session of sessions) session.drain();
      },
    };
  },
});

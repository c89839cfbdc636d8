/**
 * `alknet/call`: the operations of the node, as typed calls and subscriptions over any connection.
 * `docs/spec/call.md`.
 *
 * @module
 */

import { definePlugin, Type } from '@alknet/sdk';
import { createSession, type Session } from '@alknet/sdk/call';

export default definePlugin({
  name: 'call',
  version: '0.1.0',
  alpns: ['alknet/call'],
  config: Type.Object({}, { additionalProperties: false }),
  requests: { gateway: true },
  start(host) {
    const sessions = new Set<Session>();
    let draining = false;
    return {
      async connection(connection) {
        const { server } = host.operations.gateway(connection.auth, connection);
        const session = createSession(connection, { serve: server, limits: host.limits, log: host.log });
        sessions.add(session);
        // The host lets go of a connection by its signal, before it closes it: callers learn that they are given up.
        const letGo = () => session.letGo();
        connection.signal.addEventListener('abort', letGo, { once: true });
        if (draining) session.drain();
        try {
          await session.closed;
        } finally {
          connection.signal.removeEventListener('abort', letGo);
          sessions.delete(session);
        }
      },
      drain() {
        draining = true;
        for (const session of sessions) session.drain();
      },
    };
  },
});

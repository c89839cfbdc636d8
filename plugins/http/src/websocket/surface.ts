/**
 * `/alknet/call`: call sessions over WebSocket. `docs/spec/http.md` 15.
 *
 * @module
 */

import { createHash } from 'node:crypto';
import { CloseCode } from '@alknet/sdk';
import type { UpgradeHandler } from '../request-context.ts';
import type { MakeSurface } from '../surface.ts';
import { WebSocketSession } from './session.ts';
import { offeredProtocols, sessionProtocol } from './subprotocol.ts';

/** RFC 6455 1.3. */
const acceptGuid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

export const webSocketSurface: MakeSurface = ({ host, config, streams }) => {
  const sessions = new Set<WebSocketSession>();
  const parts = { host, buffered: () => config().limits.wsBuffered };
  const gauge = streams('websocket');
  let draining = false;
  const unlisten = host.identity.onChange(() => {
    for (const session of sessions) session.checkIdentity();
  });

  const upgrade: UpgradeHandler = async (request, context, accept) => {
    if (request.headers.get('sec-websocket-version') !== '13') return upgradeRequired();
    const offered = offeredProtocols(request.headers.get('sec-websocket-protocol'));
    if (offered !== undefined && !offered.includes(sessionProtocol)) {
      return fault(400, `Sec-WebSocket-Protocol: expected ${sessionProtocol} among those offered`);
    }
    const headers = new Headers(offered === undefined ? {} : { 'Sec-WebSocket-Protocol': sessionProtocol });
    const key = request.headers.get('sec-websocket-key');
    // HTTP/2 has no such handshake (RFC 8441 5).
    if (key !== null) {
      if (!/^[A-Za-z0-9+/]{22}==$/.test(key))
        return fault(400, 'Sec-WebSocket-Key: expected 16 bytes in base64');
      headers.set(
        'Sec-WebSocket-Accept',
        createHash('sha1')
          .update(key + acceptGuid)
          .digest('base64'),
      );
    }
    const stream = await accept(headers);
    const session = new WebSocketSession(stream, context, parts);
    sessions.add(session);
    gauge.add();
    void session.closed.then(() => {
      sessions.delete(session);
      gauge.remove();
    });
    // The token may have been taken back, and the node begun to stop, while the answer left.
    session.checkIdentity();
    if (draining) session.drain();
    return undefined;
  };

  return {
    routes: [
      {
        path: '/alknet/call',
        methods: ['GET'],
        surface: 'websocket',
        isOn: ({ websocket }) => websocket,
        identityRequired: true,
        checksOrigin: true,
        upgrade,
        handler: upgradeRequired,
      },
    ],
    drain() {
      draining = true;
      for (const session of sessions) session.drain();
    },
    async stop() {
      unlisten();
      for (const session of sessions) session.close(CloseCode.SHUTDOWN);
      await Promise.all([...sessions].map(({ closed }) => closed));
    },
  };
};

/** RFC 9110 15.5.22 and RFC 6455 4.4. */
function upgradeRequired(): Response {
  return fault(426, 'expected a WebSocket of version 13', {
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
  });
}

function fault(status: number, message: string, headers: Record<string, string> = {}): Response {
  return Response.json({ code: 'INVALID_INPUT', message, retryable: false }, { status, headers });
}

/**
 * How a session ends, as a close code of WebSocket (RFC 6455 7.4). `docs/spec/http.md` 15.2. Pure.
 *
 * @module
 */

import { CloseCode, StreamCode } from '@alknet/sdk';

interface WebSocketClose {
  readonly code: number;
  readonly reason: string;
}

/** Bytes; a close frame has 125 with the code. */
const maxReason = 123;

/** By the code that the session gave, of `CloseCode` or `StreamCode`. */
export function webSocketClose(code: number, reason: string): WebSocketClose {
  switch (code) {
    case StreamCode.BAD_FRAME:
      return { code: 1002, reason: 'invalid EventEnvelope' };
    case StreamCode.FRAME_TOO_LARGE:
      return { code: 1009, reason: 'message too large' };
    case CloseCode.REVOKED:
      return { code: 1008, reason: 'identity revoked' };
    case CloseCode.LIMIT:
      return { code: 1013, reason: 'too much waits to be sent' };
    case CloseCode.SHUTDOWN:
    case CloseCode.RELOAD:
      return { code: 1001, reason: 'shutting down' };
    case CloseCode.HANDLER_ERROR:
      return { code: 1011, reason: 'internal error' };
    default:
      return { code: 1000, reason: Buffer.from(reason).subarray(0, maxReason).toString('utf8') };
  }
}

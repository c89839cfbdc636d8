/**
 * What a client offers in `Sec-WebSocket-Protocol`. The token that a browser adds there is read with the other
 * credentials, in `../credential.ts`. `docs/spec/http.md` 15.1. Pure.
 *
 * @module
 */

export const sessionProtocol = 'alknet.call';

/** `undefined` when the client offers none. The field may stand several times, its values joined by commas. */
export function offeredProtocols(field: string | null): readonly string[] | undefined {
  return field?.split(',').map((protocol) => protocol.trim());
}

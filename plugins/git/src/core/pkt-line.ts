/**
 * pkt-line framing: four hexadecimal digits of the whole length, then the payload. gitprotocol-common(5). Pure.
 *
 * @module
 */

/** Ends a section. */
export const flushPacket = Buffer.from('0000');

/** The longest that git makes, header included. */
const longest = 65_520;

export function pktLine(payload: string | Uint8Array): Buffer {
  const body = Buffer.from(payload);
  const length = body.length + 4;
  if (length > longest)
    throw new RangeError(`a pkt-line holds at most ${longest - 4} bytes, got ${body.length}`);
  return Buffer.concat([Buffer.from(length.toString(16).padStart(4, '0')), body]);
}

/** What a git client shows as `fatal: remote error: <text>`. */
export function errorPacket(text: string): Buffer {
  return pktLine(`ERR ${text}`);
}

/** The length that four digits announce, header included; `undefined` for what is no header. */
export function packetLength(header: Uint8Array): number | undefined {
  const text = Buffer.from(header).toString('latin1');
  return /^[0-9a-fA-F]{4}$/.test(text) ? Number.parseInt(text, 16) : undefined;
}

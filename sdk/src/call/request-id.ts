/**
 * Request ids: UUID version 4, RFC 9562 5.4.
 *
 * @module
 */

const { crypto } = globalThis;

/** Browsers offer `randomUUID` only to pages that came over TLS or from this machine. */
export function randomId(): string {
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const hex = [...bytes].map((byte, at) => {
    const value = at === 6 ? (byte & 0x0f) | 0x40 : at === 8 ? (byte & 0x3f) | 0x80 : byte;
    return value.toString(16).padStart(2, '0');
  });
  return [4, 2, 2, 2, 6].map((length) => hex.splice(0, length).join('')).join('-');
}

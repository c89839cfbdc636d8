/**
 * Text and its bytes, in Node.js as in a browser. Node's own `Buffer` is many times faster than what browsers have, and
 * they have none: so it is looked for rather than imported.
 *
 * @module
 */

const native: typeof Buffer | undefined = globalThis.Buffer;

/** Bytes of a text in UTF-8. */
export function byteLength(text: string): number {
  return native === undefined ? new TextEncoder().encode(text).length : native.byteLength(text);
}

/** Whether a text has at most that many bytes of UTF-8. */
export function fits(text: string, bytes: number): boolean {
  // One UTF-16 unit is at least one byte and at most three.
  return text.length * 3 <= bytes || (text.length <= bytes && byteLength(text) <= bytes);
}

/** RFC 4648 4, with padding. */
export function toBase64(bytes: Uint8Array): string {
  if (native !== undefined)
    return native.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
  let binary = '';
  // A call takes so many arguments only.
  for (let at = 0; at < bytes.length; at += 8192)
    binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(binary);
}

/** What is no base64 gives the bytes up to there, or none. */
export function fromBase64(text: string): Uint8Array {
  if (native !== undefined) return new Uint8Array(native.from(text, 'base64'));
  try {
    return Uint8Array.from(atob(text), (unit) => unit.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}

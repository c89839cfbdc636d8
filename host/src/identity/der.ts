/**
 * As much of DER (X.690) as an X.509 certificate of this node needs. Pure.
 *
 * @module
 */

export function tlv(tag: number, ...contents: Uint8Array[]): Buffer {
  const body = Buffer.concat(contents);
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  const length = body.length < 0x100 ? [0x81, body.length] : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

export const sequence = (...contents: Uint8Array[]) => tlv(0x30, ...contents);
export const set = (...contents: Uint8Array[]) => tlv(0x31, ...contents);
export const octetString = (...contents: Uint8Array[]) => tlv(0x04, ...contents);
export const explicit = (number: number, ...contents: Uint8Array[]) => tlv(0xa0 | number, ...contents);
export const utf8String = (text: string) => tlv(0x0c, Buffer.from(text));
export const boolean = (value: boolean) => tlv(0x01, Buffer.from([value ? 0xff : 0]));
/** `unused`: bits of the last byte that do not count. */
export const bitString = (bytes: Uint8Array, unused = 0) => tlv(0x03, Buffer.from([unused]), bytes);

/** A positive integer whose highest bit is clear. */
export const integer = (bytes: Uint8Array) => tlv(0x02, bytes);

export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const groups = [arc & 0x7f];
    for (let left = arc >> 7; left > 0; left >>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return tlv(0x06, Buffer.from(bytes));
}

/** The elements of a constructed value, each with its tag, content and whole encoding. @throws RangeError */
export function readElements(der: Uint8Array): { tag: number; content: Uint8Array; whole: Uint8Array }[] {
  const elements: { tag: number; content: Uint8Array; whole: Uint8Array }[] = [];
  let offset = 0;
  while (offset < der.length) {
    const start = offset;
    const tag = der[offset++] ?? 0;
    let length = der[offset++] ?? 0;
    if (length >= 0x80) {
      const bytes = length & 0x7f;
      if (bytes === 0 || bytes > 3) throw new RangeError('DER: unsupported length');
      length = 0;
      for (let i = 0; i < bytes; i++) length = length * 256 + (der[offset++] ?? 0);
    }
    const end = offset + length;
    if (end > der.length) throw new RangeError('DER: cut off');
    elements.push({ tag, content: der.subarray(offset, end), whole: der.subarray(start, end) });
    offset = end;
  }
  return elements;
}

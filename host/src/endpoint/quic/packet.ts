/**
 * The parts of a QUIC packet that are readable without keys (RFC 8999, RFC 9000 17). Pure, and silent about garbage:
 * whatever is not a packet is `undefined`.
 *
 * @module
 */

/** Bytes of every connection id that this node chooses. `docs/spec/endpoint.md` 6.1. */
export const connectionIdLength = 16;

/** The smallest datagram that may carry a client's Initial (RFC 9000 14.1). */
export const minimumInitialDatagram = 1200;

export const quicVersion1 = 1;

/** A connection id as a key of a Map: one character a byte, cheaper than hexadecimal. */
export type ConnectionIdKey = string & { readonly __brand: 'ConnectionIdKey' };

export function connectionIdKey(id: Uint8Array): ConnectionIdKey {
  return Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('latin1') as ConnectionIdKey;
}

export interface LongHeader {
  readonly type: 'initial' | '0rtt' | 'handshake' | 'retry' | 'unknown';
  readonly version: number;
  readonly destination: Uint8Array;
  readonly source: Uint8Array;
  /** Of an Initial packet of version 1; empty otherwise. */
  readonly token: Uint8Array;
  /** Offset of the Length field of an Initial packet of version 1. */
  readonly lengthOffset: number;
}

const longTypes = ['initial', '0rtt', 'handshake', 'retry'] as const;

export function isLongHeader(datagram: Uint8Array): boolean {
  return ((datagram[0] ?? 0) & 0x80) !== 0;
}

/** The destination of a packet with a short header, which has an id of our own length. */
export function shortHeaderDestination(datagram: Buffer): ConnectionIdKey | undefined {
  if (datagram.length < 1 + connectionIdLength) return undefined;
  return datagram.toString('latin1', 1, 1 + connectionIdLength) as ConnectionIdKey;
}

export function parseLongHeader(packet: Uint8Array): LongHeader | undefined {
  if (packet.length < 7) return undefined;
  const first = packet[0] ?? 0;
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const version = view.getUint32(1);
  let offset = 5;
  const id = (): Uint8Array | undefined => {
    const length = packet[offset] ?? 255;
    const end = offset + 1 + length;
    if (end > packet.length) return undefined;
    const bytes = packet.subarray(offset + 1, end);
    offset = end;
    return bytes;
  };
  const destination = id();
  const source = destination && id();
  if (destination === undefined || source === undefined) return undefined;
  if (version !== quicVersion1) {
    return {
      type: 'unknown',
      version,
      destination,
      source,
      token: packet.subarray(0, 0),
      lengthOffset: offset,
    };
  }
  if (destination.length > 20 || source.length > 20) return undefined;
  const type = longTypes[(first >> 4) & 3] ?? 'unknown';
  let token = packet.subarray(0, 0);
  if (type === 'initial') {
    const length = readVarint(packet, offset);
    if (length === undefined) return undefined;
    const end = length.end + length.value;
    if (end > packet.length) return undefined;
    token = packet.subarray(length.end, end);
    offset = end;
  }
  return { type, version, destination, source, token, lengthOffset: offset };
}

/** A variable-length integer (RFC 9000 16) and the offset behind it. */
export function readVarint(bytes: Uint8Array, offset: number): { value: number; end: number } | undefined {
  const first = bytes[offset];
  if (first === undefined) return undefined;
  const length = 1 << (first >> 6);
  if (offset + length > bytes.length) return undefined;
  let value = first & 0x3f;
  for (let i = 1; i < length; i++) value = value * 256 + (bytes[offset + i] ?? 0);
  return { value, end: offset + length };
}

/** Writes `value`, below 2^30, in the shortest form or in `width` bytes. */
export function varint(value: number, width?: 1 | 2 | 4): Buffer {
  const size = width ?? (value < 64 ? 1 : value < 16_384 ? 2 : 4);
  const bytes = Buffer.alloc(size);
  bytes.writeUIntBE(value, 0, size);
  bytes[0] = (bytes[0] ?? 0) | ({ 1: 0, 2: 0x40, 4: 0x80 }[size] ?? 0);
  return bytes;
}

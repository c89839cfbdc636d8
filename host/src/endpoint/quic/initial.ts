/**
 * Initial packets of QUIC version 1, opened and sealed with the keys that anybody can derive (RFC 9001 5.2, 5.3, 5.4),
 * so that the ClientHello can be read, and a refusal written, before any connection state exists. Pure.
 *
 * @module
 */

import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import { type LongHeader, readVarint, varint } from './packet.ts';

/** RFC 9001 5.2. */
const initialSalt = Buffer.from('38762cf7f55934b34d179ae6a4c80cadccbb7f0a', 'hex');

export interface InitialKeys {
  readonly key: Buffer;
  readonly iv: Buffer;
  readonly headerProtection: Buffer;
}

/** HKDF-Expand-Label of RFC 8446 7.1 with an empty context; one block of SHA-256 is enough for every use here. */
function expandLabel(secret: Buffer, label: string, length: number): Buffer {
  const name = `tls13 ${label}`;
  const info = Buffer.concat([Buffer.from([0, length, name.length]), Buffer.from(name), Buffer.from([0])]);
  const block = createHmac('sha256', secret)
    .update(info)
    .update(Buffer.from([1]))
    .digest();
  return block.subarray(0, length);
}

/** Keys of what `side` sends, from the destination id of the client's first Initial (after Retry: of its second). */
export function initialKeys(destination: Uint8Array, side: 'client' | 'server'): InitialKeys {
  const initialSecret = createHmac('sha256', initialSalt).update(destination).digest();
  return packetKeys(expandLabel(initialSecret, side === 'client' ? 'client in' : 'server in', 32));
}

/** Keys of AES-128-GCM packet protection from a traffic secret (RFC 9001 5.1). */
export function packetKeys(secret: Buffer): InitialKeys {
  return {
    key: expandLabel(secret, 'quic key', 16),
    iv: expandLabel(secret, 'quic iv', 12),
    headerProtection: expandLabel(secret, 'quic hp', 16),
  };
}

export function nonce(iv: Buffer, packetNumber: number): Buffer {
  const bytes = Buffer.from(iv);
  for (let i = 0, rest = packetNumber; i < 4; i++, rest = Math.floor(rest / 256)) {
    const at = bytes.length - 1 - i;
    bytes[at] = (bytes[at] ?? 0) ^ (rest & 0xff);
  }
  return bytes;
}

export function mask(headerProtection: Buffer, sample: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-128-ecb', headerProtection, null).setAutoPadding(false);
  return cipher.update(sample);
}

export interface OpenedInitial {
  /** The frames. */
  readonly payload: Buffer;
  /** Offset behind this packet in its datagram, where a coalesced one may follow. */
  readonly end: number;
}

/** Opens the Initial packet that `packet` begins with; `undefined` when it is damaged or not protected by `keys`. */
export function openInitial(
  packet: Uint8Array,
  header: LongHeader,
  keys: InitialKeys,
): OpenedInitial | undefined {
  const length = readVarint(packet, header.lengthOffset);
  if (length === undefined) return undefined;
  const numberOffset = length.end;
  const end = numberOffset + length.value;
  // Four bytes of packet number at most, then the sample of 16 (RFC 9001 5.4.2).
  if (end > packet.length || length.value < 20) return undefined;
  const protection = mask(keys.headerProtection, packet.subarray(numberOffset + 4, numberOffset + 20));
  const first = (packet[0] ?? 0) ^ ((protection[0] ?? 0) & 0x0f);
  const numberLength = (first & 3) + 1;
  const associated = Buffer.from(packet.subarray(0, numberOffset + numberLength));
  associated[0] = first;
  let packetNumber = 0;
  for (let i = 0; i < numberLength; i++) {
    const byte = (associated[numberOffset + i] ?? 0) ^ (protection[1 + i] ?? 0);
    associated[numberOffset + i] = byte;
    packetNumber = packetNumber * 256 + byte;
  }
  const decipher = createDecipheriv('aes-128-gcm', keys.key, nonce(keys.iv, packetNumber));
  decipher.setAAD(associated);
  decipher.setAuthTag(packet.subarray(end - 16, end));
  try {
    const opened = decipher.update(packet.subarray(numberOffset + numberLength, end - 16));
    decipher.final();
    return { payload: opened, end };
  } catch {
    return undefined;
  }
}

/** An Initial packet with packet number 0, from `source` to `destination`, protected with `keys`. */
export function sealInitial(
  destination: Uint8Array,
  source: Uint8Array,
  frames: Uint8Array,
  keys: InitialKeys,
): Buffer {
  const numberLength = 4;
  const header = Buffer.concat([
    Buffer.from([0xc0 | (numberLength - 1), 0, 0, 0, 1, destination.length]),
    destination,
    Buffer.from([source.length]),
    source,
    varint(0),
    varint(numberLength + frames.length + 16, 2),
    Buffer.alloc(numberLength),
  ]);
  const cipher = createCipheriv('aes-128-gcm', keys.key, nonce(keys.iv, 0));
  cipher.setAAD(header);
  const sealed = Buffer.concat([cipher.update(frames), cipher.final(), cipher.getAuthTag()]);
  const protection = mask(keys.headerProtection, sealed.subarray(0, 16));
  header[0] = (header[0] ?? 0) ^ ((protection[0] ?? 0) & 0x0f);
  for (let i = 0; i < numberLength; i++) {
    const at = header.length - numberLength + i;
    header[at] = (header[at] ?? 0) ^ (protection[1 + i] ?? 0);
  }
  return Buffer.concat([header, sealed]);
}

/**
 * Puts the ClientHello together from the CRYPTO frames of a client's Initial packets, in whatever order and pieces they
 * come (RFC 9000 19.6). Pure and bounded: 64 KiB of message, 16 datagrams. `docs/spec/endpoint.md` 2.4.
 *
 * @module
 */

import { maxClientHello } from '../client-hello.ts';
import { type InitialKeys, initialKeys, openInitial } from './initial.ts';
import { parseLongHeader, readVarint } from './packet.ts';

export const maxHelloDatagrams = 16;

export type HelloProgress =
  | { readonly state: 'incomplete' }
  /** The handshake message: type, 3-byte length, body. */
  | { readonly state: 'complete'; readonly message: Uint8Array }
  /** Too much, or no ClientHello: give the attempt up. */
  | { readonly state: 'refused' };

const incomplete: HelloProgress = { state: 'incomplete' };
const refused: HelloProgress = { state: 'refused' };

export class HelloAssembly {
  readonly #keys: InitialKeys;
  readonly #pieces: { offset: number; data: Uint8Array }[] = [];
  #datagrams = 0;
  #buffered = 0;

  /** `destination`: the id that the Initial packets are addressed to. */
  constructor(destination: Uint8Array) {
    this.#keys = initialKeys(destination, 'client');
  }

  add(datagram: Uint8Array): HelloProgress {
    if (++this.#datagrams > maxHelloDatagrams) return refused;
    let rest = datagram;
    while (rest.length > 0) {
      const header = parseLongHeader(rest);
      if (header?.type !== 'initial') break;
      const opened = openInitial(rest, header, this.#keys);
      if (opened === undefined) break;
      if (!this.#frames(opened.payload)) return refused;
      rest = rest.subarray(opened.end);
    }
    return this.#progress();
  }

  /** Frames that an Initial may hold before the server has answered: PADDING, PING, ACK, CRYPTO, CONNECTION_CLOSE. */
  #frames(payload: Buffer): boolean {
    let offset = 0;
    while (offset < payload.length) {
      const type = payload[offset++];
      if (type === 0x00 || type === 0x01) continue;
      if (type !== 0x06) return type === 0x02 || type === 0x03;
      const at = readVarint(payload, offset);
      const length = at && readVarint(payload, at.end);
      if (at === undefined || length === undefined || length.end + length.value > payload.length)
        return false;
      if (at.value + length.value > maxClientHello) return false;
      this.#buffered += length.value;
      if (this.#buffered > 2 * maxClientHello) return false;
      this.#pieces.push({ offset: at.value, data: payload.subarray(length.end, length.end + length.value) });
      offset = length.end + length.value;
    }
    return true;
  }

  #progress(): HelloProgress {
    const pieces = this.#pieces.sort((a, b) => a.offset - b.offset);
    const parts: Uint8Array[] = [];
    let have = 0;
    for (const { offset, data } of pieces) {
      if (offset > have) break;
      if (offset + data.length <= have) continue;
      parts.push(data.subarray(have - offset));
      have = offset + data.length;
    }
    if (have < 4) return incomplete;
    const message = Buffer.concat(parts, have);
    if (message[0] !== 1) return refused;
    const length = 4 + message.readUIntBE(1, 3);
    if (length > maxClientHello) return refused;
    return have < length ? incomplete : { state: 'complete', message: message.subarray(0, length) };
  }
}

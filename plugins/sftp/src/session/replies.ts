/**
 * The frames that answer requests.
 *
 * @module
 */

import { encodePacket, type Name, PacketType, StatusCode } from '../codec/index.ts';
import { StatusError } from './status.ts';

const language = Buffer.from('en-US');

export function statusReply(id: number, { code, message }: StatusError): Buffer {
  return encodePacket({ type: PacketType.STATUS, id, code, message: Buffer.from(message), language });
}

export const okReply = (id: number): Buffer => statusReply(id, new StatusError(StatusCode.OK));

export const nameReply = (id: number, names: readonly Name[]): Buffer =>
  encodePacket({ type: PacketType.NAME, id, names });

/** One path, of which nothing more is told. */
export const pathReply = (id: number, path: Buffer): Buffer =>
  nameReply(id, [{ name: path, longName: path, attributes: {} }]);

/** Bytes before the data of a DATA frame. */
const dataHeader = 13;

/** A DATA frame whose data is read into its place, without a copy. */
export class DataReply {
  readonly #frame: Buffer;

  constructor(capacity: number) {
    this.#frame = Buffer.allocUnsafeSlow(dataHeader + capacity);
  }

  /** Where the data goes. */
  get room(): Buffer {
    return this.#frame.subarray(dataHeader);
  }

  /** The frame with the first `length` bytes of the room. */
  finish(id: number, length: number): Buffer {
    const frame = this.#frame.subarray(0, dataHeader + length);
    frame.writeUInt32BE(dataHeader - 4 + length, 0);
    frame.writeUInt8(PacketType.DATA, 4);
    frame.writeUInt32BE(id, 5);
    frame.writeUInt32BE(length, 9);
    return frame;
  }
}

/**
 * SFTP version 3 as bytes: no I/O, no clock. `docs/spec/sftp.md` 3.
 *
 * @module
 */

export type { Attributes } from './attributes.ts';
export { MalformedPacket } from './bytes.ts';
export * from './extensions.ts';
export { BadFrameLength, FrameDecoder } from './frames.ts';
export * from './numbers.ts';
export {
  decodePacket,
  encodePacket,
  type Name,
  type Packet,
  type PacketOf,
} from './packets.ts';

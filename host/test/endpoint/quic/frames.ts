/** Frames of RFC 9000 19, for packets of the test's own making. Numbers in four bytes. */

import { randomBytes } from 'node:crypto';
import { varint } from '../../../src/endpoint/quic/packet.ts';

const wide = (value: number) => varint(value, 4);
const frame = (type: number, ...rest: Uint8Array[]) => Buffer.concat([Buffer.from([type]), ...rest]);
const eight = Buffer.alloc(8, 7);

export const ack = (largest: number) => frame(0x02, wide(largest), wide(0), wide(0), wide(largest));
export const resetStream = (id: number) => frame(0x04, wide(id), wide(1), wide(0));
export const crypto = (offset: number, data: Uint8Array) =>
  frame(0x06, wide(offset), wide(data.length), data);
/** With offset and length, without end. */
export const stream = (id: number, offset: number, data: Uint8Array) =>
  frame(0x0e, wide(id), wide(offset), wide(data.length), data);
export const maxData = (most: number) => frame(0x10, wide(most));
export const maxStreamData = (id: number, most: number) => frame(0x11, wide(id), wide(most));
export const newConnectionId = (sequence: number, retirePriorTo: number) =>
  frame(0x18, wide(sequence), wide(retirePriorTo), Buffer.from([8]), randomBytes(8), randomBytes(16));
export const retireConnectionId = (sequence: number) => frame(0x19, wide(sequence));
export const pathChallenge = () => frame(0x1a, eight);

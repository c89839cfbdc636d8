/**
 * A client that makes its own 1-RTT packets: the handshake is quiche's, its traffic secrets come from the key log, and
 * from then on any frame can be sent, or withheld, at will. RFC 9000 12.4, 17.3 and 19; RFC 9001 5.
 */

import { createCipheriv } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RemoteAddress } from '@alknet/sdk';
import { type InitialKeys, mask, nonce, packetKeys } from '../../../src/endpoint/quic/initial.ts';
import { type Ending, type RawClient, type RawOptions, rawClient } from './support.ts';

export interface Forger extends RawClient {
  /** One datagram with one short-header packet of these frames; its packet number. */
  forge(...frames: Uint8Array[]): number;
}

export async function forger(t: Ending, remote: RemoteAddress, options: RawOptions = {}): Promise<Forger> {
  const folder = await mkdtemp(join(tmpdir(), 'alknet-keylog-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const keyLog = join(folder, 'keys');
  const client = await rawClient(t, remote, { ...options, keyLog });
  await client.until(() => client.native.isEstablished());
  const secrets = await readFile(keyLog, 'utf8');
  const ours = packetKeys(secretOf(secrets, 'CLIENT_TRAFFIC_SECRET_0'));
  const destination = Buffer.from(client.native.destinationId());
  // Far above what quiche has used, so that the two never meet.
  let packetNumber = 1000;
  return {
    ...client,
    forge: (...frames) => {
      const number = packetNumber++;
      const datagram = sealShort(destination, number, Buffer.concat(frames), ours);
      client.socket.send(datagram, remote.port, remote.address);
      return number;
    },
  };
}

function secretOf(keyLog: string, label: string): Buffer {
  const match = new RegExp(`^${label} [0-9a-f]+ ([0-9a-f]{64})$`, 'm').exec(keyLog);
  if (match?.[1] === undefined) throw new Error(`no ${label} of 32 bytes in the key log: ${keyLog}`);
  return Buffer.from(match[1], 'hex');
}

/** A short-header packet (RFC 9000 17.3.1) with a packet number of four bytes. */
function sealShort(destination: Buffer, packetNumber: number, frames: Buffer, keys: InitialKeys): Buffer {
  // Four bytes of frames at least, for the sample of header protection (RFC 9001 5.4.2).
  const padded = frames.length < 4 ? Buffer.concat([frames, Buffer.alloc(4)]) : frames;
  const header = Buffer.concat([Buffer.from([0x43]), destination, Buffer.alloc(4)]);
  header.writeUInt32BE(packetNumber, header.length - 4);
  const cipher = createCipheriv('aes-128-gcm', keys.key, nonce(keys.iv, packetNumber));
  cipher.setAAD(header);
  const sealed = Buffer.concat([cipher.update(padded), cipher.final(), cipher.getAuthTag()]);
  const protection = mask(keys.headerProtection, sealed.subarray(0, 16));
  header[0] = (header[0] ?? 0) ^ ((protection[0] ?? 0) & 0x1f);
  for (let i = 0; i < 4; i++) {
    const at = header.length - 4 + i;
    header[at] = (header[at] ?? 0) ^ (protection[1 + i] ?? 0);
  }
  return Buffer.concat([header, sealed]);
}

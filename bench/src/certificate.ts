/**
 * A self-signed ECDSA P-256 certificate for {@link certifiedName}, made anew for each run: what gRPC and ws are served with. Node
 * writes no X.509, and a key in the repository would be one that somebody trusts one day.
 *
 * @module
 */

import { generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto';
import type { Certificate } from './stack.ts';

/** A DER element (X.690 8.1). No part of this certificate is longer than 65 535 bytes. */
function der(tag: number, ...parts: Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const { length } = body;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), body]);
}

const sequence = (...parts: Uint8Array[]) => der(0x30, ...parts);
const oid = (...bytes: number[]) => der(0x06, Buffer.from(bytes));
const time = (date: Date) => der(0x18, Buffer.from(date.toISOString().replace(/[-:T]|\.\d+/g, '')));

const ecdsaWithSha256 = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2));
const commonName = oid(0x55, 4, 3);
const subjectAltName = oid(0x55, 29, 17);

/** What clients ask for: TLS allows no address as a server's name (RFC 6066 3). */
export const certifiedName = 'localhost';

export function makeCertificate(now: Date = new Date()): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const name = sequence(der(0x31, sequence(commonName, der(0x0c, Buffer.from('alknet bench')))));
  const dayBefore = new Date(now.getTime() - 86_400_000);
  const weekAfter = new Date(now.getTime() + 7 * 86_400_000);
  const serial = randomBytes(8);
  serial[0] = 0x40; // positive, and no leading zero byte
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))), // version 3
    der(0x02, serial),
    ecdsaWithSha256,
    name,
    sequence(time(dayBefore), time(weekAfter)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(sequence(subjectAltName, der(0x04, sequence(der(0x82, Buffer.from(certifiedName))))))),
  );
  const signature = der(0x03, Buffer.from([0]), sign('sha256', body, privateKey));
  return {
    cert: new X509Certificate(sequence(body, ecdsaWithSha256, signature)).toString(),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

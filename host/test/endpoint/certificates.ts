/** X.509 certificates for the tests: any key type, any dates, self-signed or issued. */

import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  X509Certificate,
} from 'node:crypto';
import type { Certificate } from '../../src/endpoint/engine.ts';

export interface TestCertificate extends Certificate {
  readonly der: Buffer;
  readonly fingerprint: string;
  readonly privateKey: KeyObject;
  readonly subject: string;
}

export interface TestCertificateOptions {
  readonly key?: 'ed25519' | 'p256' | 'rsa1024' | 'rsa2048';
  readonly subject?: string;
  /** DNS names of the subjectAltName. */
  readonly names?: readonly string[];
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly issuer?: TestCertificate;
  readonly authority?: boolean;
  /** DER, in this order after those above. */
  readonly extensions?: readonly Uint8Array[];
}

const der = (tag: number, ...parts: Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts);
  const { length } = body;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), body]);
};
const sequence = (...parts: Uint8Array[]) => der(0x30, ...parts);
const oid = (...bytes: number[]) => der(0x06, Buffer.from(bytes));
const bits = (bytes: Uint8Array) => der(0x03, Buffer.from([0]), bytes);
const time = (date: Date) => der(0x18, Buffer.from(date.toISOString().replace(/[-:T]|\.\d+/g, '')));
const name = (text: string) => sequence(der(0x31, sequence(oid(0x55, 4, 3), der(0x0c, Buffer.from(text)))));
const extension = (id: Buffer, value: Buffer) =>
  sequence(id, der(0x01, Buffer.from([0xff])), der(0x04, value));

const algorithms = {
  ed25519: { id: sequence(oid(0x2b, 0x65, 0x70)), hash: null },
  ec: { id: sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2)), hash: 'sha256' },
  rsa: { id: sequence(oid(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11), der(0x05)), hash: 'sha256' },
};

function keyPair(kind: TestCertificateOptions['key']) {
  if (kind === 'p256') return generateKeyPairSync('ec', { namedCurve: 'P-256' });
  if (kind === 'rsa1024' || kind === 'rsa2048') {
    return generateKeyPairSync('rsa', { modulusLength: Number(kind.slice(3)) });
  }
  return generateKeyPairSync('ed25519');
}

let serial = 1;

export function makeCertificate(options: TestCertificateOptions = {}): TestCertificate {
  const { publicKey, privateKey } = keyPair(options.key);
  const subject = options.subject ?? `test ${serial}`;
  const signer = options.issuer?.privateKey ?? privateKey;
  const algorithm = algorithms[signer.asymmetricKeyType as keyof typeof algorithms];
  const extensions: Uint8Array[] = [];
  if (options.authority)
    extensions.push(extension(oid(0x55, 29, 19), sequence(der(0x01, Buffer.from([0xff])))));
  if (options.names) {
    extensions.push(
      extension(oid(0x55, 29, 17), sequence(...options.names.map((text) => der(0x82, Buffer.from(text))))),
    );
  }
  extensions.push(...(options.extensions ?? []));
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([0x40, (serial >> 8) & 0xff, serial++ & 0xff])),
    algorithm.id,
    name(options.issuer?.subject ?? subject),
    sequence(
      time(options.notBefore ?? new Date('2020-01-01')),
      time(options.notAfter ?? new Date('9999-12-31')),
    ),
    name(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    ...(extensions.length > 0 ? [der(0xa3, sequence(...extensions))] : []),
  );
  const whole = sequence(body, algorithm.id, bits(sign(algorithm.hash, body, signer)));
  return {
    der: whole,
    cert: new X509Certificate(whole).toString(),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    fingerprint: fingerprintOf(whole),
    privateKey,
    subject,
  };
}

/** `docs/spec/identity.md` 3. */
export function fingerprintOf(certificate: Uint8Array): string {
  const { publicKey } = new X509Certificate(certificate);
  if (publicKey.asymmetricKeyType !== 'ed25519') {
    return `SHA256:${createHash('sha256').update(certificate).digest('hex')}`;
  }
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  return `ed25519:${spki.subarray(spki.length - 32).toString('hex')}`;
}

/**
 * What a thief of a P-256 certificate has: a key file that names the public key of the certificate, so that a TLS stack
 * loads it, with another secret, so that what it signs is worthless.
 */
export function keyWithoutSecret(certificate: TestCertificate): string {
  const { x, y } = certificate.privateKey.export({ format: 'jwk' });
  const { d } = keyPair('p256').privateKey.export({ format: 'jwk' });
  const key = createPrivateKey({ key: { kty: 'EC', crv: 'P-256', x, y, d }, format: 'jwk' });
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

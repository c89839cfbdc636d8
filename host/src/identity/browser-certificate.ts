/**
 * A certificate for browsers, which take no Ed25519: self-signed over an ECDSA P-256 key that is nobody's identity. Who
 * looks at it is told by the browser that it is not to be trusted, and decides. `docs/spec/identity.md` 7.5.
 *
 * @module
 */

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Certificate } from '../endpoint/engine.ts';
import { readSecretFile, writeSecretFile } from '../vault/files.ts';
import { bitString, objectIdentifier, sequence, tlv } from './der.ts';
import { dnsName, selfSigned } from './self-signed.ts';
import { extension } from './x509.ts';

const day = 24 * 60 * 60 * 1000;
/** Days; what browsers allow to certificates of public CAs. */
const lifetime = 397;
/** Days before its end at which a start of the node makes another. */
const renewal = 60;

/** That of the data directory, or a new one, which is kept there so that an exception in a browser lasts. */
export async function browserCertificate(dataDir: string): Promise<Certificate> {
  const path = join(dataDir, 'web.pem');
  const kept = await readSecretFile(path, () => {});
  const usable = kept === undefined ? undefined : certificateOf(kept);
  if (usable !== undefined) return usable;
  const made = makeBrowserCertificate(new Date());
  await writeSecretFile(path, `${made.cert}${made.key}`);
  return made;
}

/** `undefined` when it is no such pair, or has not long to live. */
function certificateOf(pem: string): Certificate | undefined {
  try {
    const certificate = new X509Certificate(pem);
    const key = createPrivateKey(pem);
    const isOld = Date.parse(certificate.validTo) - Date.now() < renewal * day;
    if (isOld || !certificate.checkPrivateKey(key)) return undefined;
    return { cert: certificate.toString(), key: key.export({ format: 'pem', type: 'pkcs8' }).toString() };
  } catch {
    return undefined;
  }
}

/** For `localhost`, the loopback addresses and the name of this machine. */
export function makeBrowserCertificate(now: Date): Certificate {
  return selfSigned({
    commonName: 'alknet',
    notBefore: new Date(now.getTime() - day),
    notAfter: new Date(now.getTime() + lifetime * day),
    extensions: extensions(hostname()),
  });
}

function extensions(host: string): Buffer[] {
  const address = (...bytes: number[]) => tlv(0x87, Buffer.from(bytes));
  const isName = /^[A-Za-z0-9.-]{1,253}$/.test(host) && host !== 'localhost';
  return [
    // basicConstraints: no CA. keyUsage: digitalSignature. extKeyUsage: serverAuth.
    extension('2.5.29.19', true, sequence()),
    extension('2.5.29.15', true, bitString(Buffer.from([0x80]), 7)),
    extension('2.5.29.37', false, sequence(objectIdentifier('1.3.6.1.5.5.7.3.1'))),
    extension(
      '2.5.29.17',
      false,
      sequence(
        dnsName('localhost'),
        ...(isName ? [dnsName(host)] : []),
        address(127, 0, 0, 1),
        address(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
      ),
    ),
  ];
}

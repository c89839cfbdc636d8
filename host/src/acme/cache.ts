/**
 * The account key, and the certificate with its key, as they are kept between two starts. `docs/spec/identity.md` 7.3.
 *
 * @module
 */

import { createPrivateKey } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type WebCertificate, webCertificate } from '../identity/index.ts';
import { readSecretFile, writeSecretFile } from '../vault/index.ts';
import { type Issued, newKey } from './order.ts';

/** PEM of the account key in the folder, or of a new one, which is kept before it is used. */
export async function accountKey(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, 'account.pem');
  const kept = await readSecretFile(path, () => {});
  if (kept !== undefined) {
    try {
      createPrivateKey(kept);
      return kept;
    } catch {
      throw new Error(`${path} holds no private key in PEM; put the right one back, or remove the file`);
    }
  }
  const made = newKey();
  await writeSecretFile(path, made);
  return made;
}

/** In one file, so that no crash parts a certificate from its key. The first line is text around the PEM (RFC 7468 2). */
export async function keepCertificate(folder: string, directory: string, issued: Issued): Promise<void> {
  const cert = issued.cert.endsWith('\n') ? issued.cert : `${issued.cert}\n`;
  await writeSecretFile(join(folder, 'certificate.pem'), `${headLine(directory)}${cert}${issued.key}`);
}

/** `undefined`: none is kept, or one of another authority. @throws CertLoadError, VaultError */
export async function keptCertificate(
  folder: string,
  directory: string,
): Promise<WebCertificate | undefined> {
  const text = await readSecretFile(join(folder, 'certificate.pem'), () => {});
  return text?.startsWith(headLine(directory)) ? webCertificate(text, text) : undefined;
}

const headLine = (directory: string) => `Directory: ${directory}\n`;

/**
 * `alknet.sig.json`: a publisher's word for a package. `docs/spec/config.md` 8.
 *
 * @module
 */

import { createPublicKey, sign, verify } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Type } from '@alknet/sdk';
import { fit } from '../config/fit.ts';
import { pointerOf } from '../config/problems.ts';
import { ed25519Spki, type IdentityKey } from '../identity/certificate.ts';
import { signatureFile } from './package-files.ts';

/** What is signed. */
export interface SignedFacts {
  /** Of the plugin, not of its package. */
  readonly name: string;
  readonly version: string;
  readonly integrity: string;
}

export type SignatureCheck =
  | { readonly state: 'none' }
  /** `signed` is the integrity that it was made over, where that can be read. */
  | { readonly state: 'bad'; readonly fault: string; readonly signed?: string }
  /** By that key, `ed25519:<hex>`; whose it is, is another question. */
  | { readonly state: 'good'; readonly key: string };

const schema = Type.Object(
  {
    format: Type.Literal('alknet-plugin-signature'),
    version: Type.Literal(1),
    name: Type.String(),
    pluginVersion: Type.String(),
    integrity: Type.String(),
    key: Type.String({ pattern: '^ed25519:[0-9a-f]{64}$', expects: '"ed25519:" and 64 hexadecimal digits' }),
    signature: Type.String({ pattern: '^[A-Za-z0-9+/]{86}==$', expects: 'base64 of 64 bytes' }),
  },
  { expects: 'an object' },
);

/** The text of the file. */
export function signPackage(facts: SignedFacts, key: IdentityKey): string {
  const content = {
    format: 'alknet-plugin-signature',
    version: 1,
    name: facts.name,
    pluginVersion: facts.version,
    integrity: facts.integrity,
    key: publicKeyText(key),
    signature: sign(null, signedBytes(facts), key.privateKey).toString('base64'),
  };
  return `${JSON.stringify(content, null, 2)}\n`;
}

export function publicKeyText({ publicKey }: IdentityKey): string {
  return `ed25519:${Buffer.from(publicKey).toString('hex')}`;
}

/** Whether the signature beside a package is one over what the package is. */
export async function checkSignature(directory: string, facts: SignedFacts): Promise<SignatureCheck> {
  const path = join(directory, signatureFile);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return { state: 'none' };
    return { state: 'bad', fault: `${signatureFile} cannot be read` };
  }
  const bad = (fault: string, signed?: string): SignatureCheck => ({
    state: 'bad',
    fault: `${signatureFile}: ${fault}`,
    ...(signed === undefined ? {} : { signed }),
  });
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    return bad('expected JSON');
  }
  const { value, findings } = fit(content, schema, directory);
  const [finding] = findings;
  if (finding !== undefined) return bad(`${pointerOf(finding.path)} ${finding.message}`);
  const { name, pluginVersion, integrity, key, signature } = value as {
    name: string;
    pluginVersion: string;
    integrity: string;
    key: string;
    signature: string;
  };
  const differs = (member: string, signed: string, found: string) =>
    bad(`${member}: signed is ${signed}, found ${found}`, integrity);
  if (name !== facts.name) return differs('name', name, facts.name);
  if (pluginVersion !== facts.version) return differs('version', pluginVersion, facts.version);
  if (integrity !== facts.integrity) return differs('integrity', integrity, facts.integrity);
  const publicKey = createPublicKey({
    key: ed25519Spki(Buffer.from(key.slice('ed25519:'.length), 'hex')),
    format: 'der',
    type: 'spki',
  });
  if (!verify(null, signedBytes(facts), publicKey, Buffer.from(signature, 'base64')))
    return bad(`signature: it is not one of ${key} over this name, version and integrity`);
  return { state: 'good', key };
}

function signedBytes({ name, version, integrity }: SignedFacts): Buffer {
  return Buffer.from(['alknet/plugin/1', name, version, integrity].join('\0'));
}

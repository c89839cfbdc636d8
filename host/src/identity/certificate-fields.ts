/**
 * The fields of an X.509 certificate that `node:crypto` does not give out (RFC 5280 4.1). Pure.
 *
 * @module
 */

import { objectIdentifier, readElements } from './der.ts';

export interface Extension {
  readonly critical: boolean;
  /** The DER inside the OCTET STRING. */
  readonly value: Uint8Array;
}

export interface CertificateFields {
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
  /** Content of its OBJECT IDENTIFIER in hex, as {@link oid} gives it. */
  readonly signatureAlgorithm: string;
  /** By {@link oid}. */
  readonly extensions: ReadonlyMap<string, Extension>;
}

/** How the maps of this module name an object identifier. */
export function oid(dotted: string): string {
  return hex(objectIdentifier(dotted).subarray(2));
}

const none = new Uint8Array(0);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const tags = { boolean: 0x01, version: 0xa0, extensions: 0xa3 } as const;

/** @throws RangeError for bytes that are no certificate */
export function certificateFields(der: Uint8Array): CertificateFields {
  const [certificate] = readElements(der);
  const [toBeSigned, algorithm] = readElements(certificate?.content ?? none);
  const fields = readElements(toBeSigned?.content ?? none);
  // Version 1 certificates have no version field, and the SPKI one place earlier.
  const spki = fields[fields[0]?.tag === tags.version ? 6 : 5]?.whole;
  const [signature] = readElements(algorithm?.content ?? none);
  if (spki === undefined || signature === undefined) throw new RangeError('DER: no certificate');
  const wrapped = fields.find(({ tag }) => tag === tags.extensions)?.content ?? none;
  const [list] = readElements(wrapped);
  return {
    spki,
    signatureAlgorithm: hex(signature.content),
    extensions: new Map(readElements(list?.content ?? none).map(({ content }) => readExtension(content))),
  };
}

function readExtension(der: Uint8Array): [id: string, extension: Extension] {
  const [id, second, third] = readElements(der);
  const critical = second?.tag === tags.boolean && second.content[0] !== 0;
  const value = second?.tag === tags.boolean ? third : second;
  return [hex(id?.content ?? none), { critical, value: value?.content ?? none }];
}

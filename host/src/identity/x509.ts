/**
 * The envelope of a certificate that is its own issuer, by RFC 5280 4.1. Pure: the caller signs.
 *
 * @module
 */

import {
  bitString,
  boolean,
  explicit,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  set,
  utf8String,
} from './der.ts';

export interface SelfIssued {
  /** 16 bytes, of which two bits are overwritten: the number is positive, and as long for everyone. */
  readonly serial: Uint8Array;
  /** AlgorithmIdentifier of the signature, DER. */
  readonly algorithm: Uint8Array;
  readonly commonName: string;
  /** Validity, DER. */
  readonly validity: Uint8Array;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
  /** DER of each. */
  readonly extensions: readonly Uint8Array[];
}

/** Version 3, DER. */
export function selfIssued(
  { serial, algorithm, commonName, validity, spki, extensions }: SelfIssued,
  sign: (toBeSigned: Buffer) => Uint8Array,
): Buffer {
  const number = Buffer.from(serial);
  number[0] = ((number[0] ?? 0) & 0x7f) | 0x40;
  const name = sequence(set(sequence(objectIdentifier('2.5.4.3'), utf8String(commonName))));
  const toBeSigned = sequence(
    explicit(0, integer(Buffer.from([2]))),
    integer(number),
    algorithm,
    name,
    validity,
    name,
    spki,
    explicit(3, sequence(...extensions)),
  );
  return sequence(toBeSigned, algorithm, bitString(sign(toBeSigned)));
}

export function extension(oid: string, critical: boolean, value: Uint8Array): Buffer {
  return sequence(objectIdentifier(oid), ...(critical ? [boolean(true)] : []), octetString(value));
}

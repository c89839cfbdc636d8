/**
 * What a certificate authority may vouch for: name constraints (RFC 5280 4.2.1.10) for DNS names and IP addresses. Pure.
 *
 * @module
 */

import { readElements } from './der.ts';

/** A GeneralName of a subjectAltName or of a constraint: its context tag and content. */
export interface GeneralName {
  readonly tag: number;
  readonly content: Uint8Array;
}

const permittedTag = 0xa0;
const dnsTag = 0x82;
const ipTag = 0x87;

/** The names of a subjectAltName extension. */
export function alternativeNames(extension: Uint8Array): GeneralName[] {
  return readElements(extension).flatMap(({ content }) => readElements(content));
}

/**
 * Whether an authority with these constraints may vouch for all of the names. Forms other than DNS names and addresses
 * are not weighed: a constraint on them refuses every name of that form, and one on the subject refuses everything.
 */
export function constraintsAdmit(extension: Uint8Array, names: readonly GeneralName[]): boolean {
  const permitted: GeneralName[] = [];
  const excluded: GeneralName[] = [];
  for (const { content } of readElements(extension)) {
    for (const { tag, content: subtrees } of readElements(content)) {
      for (const subtree of readElements(subtrees)) {
        const [base] = readElements(subtree.content);
        if (base === undefined || base.tag === 0xa4) return false;
        (tag === permittedTag ? permitted : excluded).push(base);
      }
    }
  }
  return names.every((name) => {
    if (excluded.some((base) => base.tag === name.tag && (matches(base, name) ?? true))) return false;
    const allowed = permitted.filter(({ tag }) => tag === name.tag);
    return allowed.length === 0 || allowed.some((base) => matches(base, name) ?? false);
  });
}

/** `undefined`: of a form that is not weighed. */
function matches(base: GeneralName, name: GeneralName): boolean | undefined {
  if (base.tag === dnsTag) return dnsMatches(text(base), text(name));
  if (base.tag === ipTag) return addressMatches(base.content, name.content);
  return undefined;
}

const text = ({ content }: GeneralName) => Buffer.from(content).toString('latin1').toLowerCase();

/** `example.com` covers itself and all below it; `.example.com`, as many write it, only what is below. */
function dnsMatches(base: string, name: string): boolean {
  if (base === '') return true;
  if (base.startsWith('.')) return name.endsWith(base);
  return name === base || name.endsWith(`.${base}`);
}

/** The base is an address followed by a mask of the same length. */
function addressMatches(base: Uint8Array, address: Uint8Array): boolean {
  const { length } = address;
  if (base.length !== 2 * length) return false;
  return address.every(
    (byte, i) => (byte & (base[length + i] ?? 0)) === ((base[i] ?? 0) & (base[length + i] ?? 0)),
  );
}

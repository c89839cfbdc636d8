/**
 * Whether a chain leads from a server's certificate to an authority that is trusted for its name: path validation of
 * RFC 5280 6, names of RFC 9525. `node:crypto` has the single checks and OpenSSL's walk only inside a handshake of its
 * own, which QUIC has not. Pure; the clock comes in.
 *
 * @module
 */

import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { type CertificateFields, certificateFields, oid } from './certificate-fields.ts';
import { readElements } from './der.ts';
import { alternativeNames, constraintsAdmit, type GeneralName } from './name-constraints.ts';

export interface ChainCheck {
  /** Host name or IP address that was dialled. */
  readonly name: string;
  readonly roots: readonly X509Certificate[];
  /** Milliseconds since 1970. */
  readonly now: number;
}

interface Link {
  readonly certificate: X509Certificate;
  readonly fields: CertificateFields;
}

/** Certificates between leaf and root. */
const maxIntermediates = 8;
const serverAuth = '1.3.6.1.5.5.7.3.1';
const anyPurpose = '2.5.29.37.0';
const basicConstraints = oid('2.5.29.19');
const nameConstraints = oid('2.5.29.30');
const subjectAltName = oid('2.5.29.17');
/** Critical ones that this module or OpenSSL's single checks obey; policies restrict nothing when none is asked for. */
const understood = new Set([
  basicConstraints,
  nameConstraints,
  subjectAltName,
  ...['2.5.29.15', '2.5.29.37', '2.5.29.32', '2.5.29.33', '2.5.29.54'].map(oid),
]);
/** Signatures over MD5 and SHA-1. */
const brokenAlgorithms = new Set(
  ['1.2.840.113549.1.1.4', '1.2.840.113549.1.1.5', '1.2.840.10045.4.1', '1.2.840.10040.4.3'].map(oid),
);

/** What is wrong with the chain (DER, leaf first), or `undefined`. */
export function chainFault(chain: readonly Uint8Array[], check: ChainCheck): string | undefined {
  let links: Link[];
  try {
    links = chain.slice(0, maxIntermediates + 1).map(linkOf);
  } catch {
    return 'a certificate of the chain is malformed';
  }
  const [leaf, ...others] = links;
  if (leaf === undefined) return 'no certificate';
  if (!isNamed(leaf.certificate, check.name)) {
    const names = leaf.certificate.subjectAltName ?? 'none';
    return `the certificate is not for ${check.name}; its names: ${names.slice(0, 200)}`;
  }
  const fault = certificateFault(leaf, check.now) ?? signatureFault(leaf);
  if (fault !== undefined) return fault;
  if (check.roots.some((root) => root.raw.equals(leaf.certificate.raw))) return undefined;
  const extension = leaf.fields.extensions.get(subjectAltName);
  const names = extension === undefined ? [] : alternativeNames(extension.value);
  return climb(leaf, others, names, 0, check);
}

function linkOf(der: Uint8Array): Link {
  return { certificate: new X509Certificate(der), fields: certificateFields(der) };
}

/** From `below` to a root, over any of the certificates that the server sent. `depth`: intermediates passed so far. */
function climb(
  below: Link,
  others: readonly Link[],
  names: readonly GeneralName[],
  depth: number,
  check: ChainCheck,
): string | undefined {
  let fault = `the certificate of ${subject(below)} was issued by no trusted authority`;
  const issuerFault = (issuer: Link) =>
    certificateFault(issuer, check.now) ?? authorityFault(issuer, depth, names);
  for (const root of check.roots) {
    if (!issued(root, below.certificate)) continue;
    const problem = issuerFault({ certificate: root, fields: certificateFields(root.raw) });
    if (problem === undefined) return undefined;
    fault = problem;
  }
  for (const issuer of others) {
    if (!issued(issuer.certificate, below.certificate)) continue;
    const left = others.filter((other) => other !== issuer);
    const problem =
      issuerFault(issuer) ?? signatureFault(issuer) ?? climb(issuer, left, names, depth + 1, check);
    if (problem === undefined) return undefined;
    fault = problem;
  }
  return fault;
}

function issued(issuer: X509Certificate, certificate: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

/** A host name against the dNSNames alone, never the common name; an address against the iPAddresses. */
function isNamed(certificate: X509Certificate, name: string): boolean {
  if (isIP(name) !== 0) return certificate.checkIP(name) !== undefined;
  const host = domainToASCII(name.replace(/\.$/, ''));
  if (host === '') return false;
  return certificate.checkHost(host, { subject: 'never', partialWildcards: false }) !== undefined;
}

const subject = ({ certificate }: Link) =>
  certificate.subject.replaceAll('\n', ', ').slice(0, 200) || 'no name';

function certificateFault(link: Link, now: number): string | undefined {
  const { certificate, fields } = link;
  const of = `the certificate of ${subject(link)}`;
  const { validFrom, validTo, keyUsage: purposes } = certificate;
  if (!(now >= Date.parse(validFrom))) return `${of} is not valid before ${validFrom}`;
  if (!(now <= Date.parse(validTo))) return `${of} expired at ${validTo}`;
  const { modulusLength } = certificate.publicKey.asymmetricKeyDetails ?? {};
  if (modulusLength !== undefined && modulusLength < 2048) return `${of} has an RSA key under 2048 bits`;
  if (purposes !== undefined && !purposes.includes(serverAuth) && !purposes.includes(anyPurpose)) {
    return `${of} is not for servers`;
  }
  for (const [id, { critical }] of fields.extensions) {
    if (critical && !understood.has(id)) return `${of} has a critical extension that is not known here`;
  }
  return undefined;
}

/** Not asked of a root: nothing rests on its own signature. */
function signatureFault(link: Link): string | undefined {
  if (!brokenAlgorithms.has(link.fields.signatureAlgorithm)) return undefined;
  return `the certificate of ${subject(link)} is signed over a broken hash`;
}

/** `depth`: intermediates between this authority and the leaf. */
function authorityFault(link: Link, depth: number, names: readonly GeneralName[]): string | undefined {
  const of = `the certificate of ${subject(link)}`;
  const { extensions } = link.fields;
  if (!link.certificate.ca) return `${of} is not that of an authority`;
  const [constraints] = readElements(extensions.get(basicConstraints)?.value ?? new Uint8Array(0));
  const limit = readElements(constraints?.content ?? new Uint8Array(0)).find(({ tag }) => tag === 0x02);
  if (limit !== undefined && depth > Number.parseInt(Buffer.from(limit.content).toString('hex'), 16)) {
    return `${of} allows no chain of this length`;
  }
  const named = extensions.get(nameConstraints);
  if (named !== undefined && !constraintsAdmit(named.value, names))
    return `${of} may not vouch for these names`;
  return undefined;
}

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { DialError, type DialErrorCode } from '../../src/endpoint/dial-error.ts';
import { chainFault } from '../../src/identity/chain.ts';
import { boolean, integer, objectIdentifier, octetString, sequence, tlv } from '../../src/identity/der.ts';
import {
  identityCertificateDer,
  identityKey,
  parseAuthorities,
  serverVerifier,
  VerifierBuildError,
} from '../../src/identity/index.ts';
import {
  makeCertificate,
  type TestCertificate,
  type TestCertificateOptions,
} from '../endpoint/certificates.ts';
import { otherSecret, vectorFingerprint, vectorSecret } from './support.ts';

const now = Date.parse('2026-06-01T00:00:00Z');
const names = ['node.test'];
const make = (options: TestCertificateOptions) => makeCertificate({ key: 'p256', ...options });

const root = make({ subject: 'root', authority: true });
const intermediate = make({ subject: 'intermediate', authority: true, issuer: root });
const leaf = make({ names, issuer: intermediate });

function fault(
  chain: readonly TestCertificate[],
  roots: readonly TestCertificate[] = [root],
  name = 'node.test',
) {
  return chainFault(
    chain.map(({ der }) => der),
    { name, roots: roots.map(({ der }) => new X509Certificate(der)), now },
  );
}

test('a chain leads from the leaf over what the server sent, in any order, to a trusted root', () => {
  assert.equal(fault([leaf, intermediate]), undefined);
  assert.equal(fault([leaf, intermediate, root]), undefined);
  const stranger = make({ subject: 'stranger', authority: true });
  assert.equal(fault([leaf, stranger, root, intermediate]), undefined);
  assert.equal(fault([make({ names, issuer: root })]), undefined);
  assert.equal(
    fault([make({ names, subject: 'alone' })], []),
    'the certificate of CN=alone was issued by no trusted authority',
  );
  assert.match(fault([leaf]) ?? '', /no trusted authority/);
  assert.match(fault([leaf, intermediate], [stranger]) ?? '', /no trusted authority/);
  assert.match(fault([]) ?? '', /no certificate/);
  const self = make({ names, subject: 'self' });
  assert.equal(fault([self], [self]), undefined, 'trusted by itself');
});

test('an authority of the same name with another key vouches for nothing', () => {
  const impostor = make({ subject: 'root', authority: true });
  assert.match(fault([make({ names, issuer: impostor })]) ?? '', /no trusted authority/);
  const forged = make({ subject: 'intermediate', authority: true, issuer: impostor });
  assert.match(fault([make({ names, issuer: forged }), forged]) ?? '', /no trusted authority/);
});

test('a certificate that is no authority cannot issue one', () => {
  const notAuthority = make({ subject: 'site', names: ['evil.test'], issuer: root });
  assert.match(
    fault([make({ names, issuer: notAuthority }), notAuthority]) ?? '',
    /not that of an authority/,
  );
});

test('dates hold for each certificate of the chain', () => {
  const past = new Date('2026-05-31');
  const future = new Date('2026-06-02');
  assert.match(fault([make({ names, issuer: root, notAfter: past })]) ?? '', /expired/);
  assert.match(fault([make({ names, issuer: root, notBefore: future })]) ?? '', /not valid before/);
  const old = make({ subject: 'old', authority: true, issuer: root, notAfter: past });
  assert.match(fault([make({ names, issuer: old }), old]) ?? '', /CN=old expired/);
  const oldRoot = make({ subject: 'old root', authority: true, notAfter: past });
  assert.match(fault([make({ names, issuer: oldRoot })], [oldRoot]) ?? '', /CN=old root expired/);
});

test('names are those of RFC 9525: exact or one wildcard label, and never the common name', () => {
  const named = (...names: string[]) =>
    make({ subject: 'node.test', issuer: root, ...(names.length > 0 && { names }) });
  assert.equal(fault([named('a.test', 'NODE.test')]), undefined);
  assert.equal(fault([named('*.node.test')], [root], 'a.node.test'), undefined);
  assert.equal(fault([named('node.test')], [root], 'node.test.'), undefined);
  assert.match(fault([named('*.node.test')], [root], 'a.b.node.test') ?? '', /not for a\.b\.node\.test/);
  assert.match(fault([named('*.node.test')]) ?? '', /not for node\.test/);
  assert.match(fault([named('n*.test')]) ?? '', /not for/);
  assert.match(fault([named()]) ?? '', /not for node\.test; its names: none/);
  assert.match(fault([named('node.test')], [root], '127.0.0.1') ?? '', /not for/);
  assert.match(fault([named('127.0.0.1')], [root], '127.0.0.1') ?? '', /not for/);
  assert.match(fault([named('node.test\0.evil')]) ?? '', /not for/);
});

// ── extensions, which makeCertificate takes as DER ──────────────────────────────────────────────────────────────────

const extension = (dotted: string, critical: boolean, value: Uint8Array) =>
  sequence(objectIdentifier(dotted), ...(critical ? [boolean(true)] : []), octetString(value));
const authority = (pathLength?: number) =>
  extension(
    '2.5.29.19',
    true,
    sequence(boolean(true), ...(pathLength === undefined ? [] : [integer(Uint8Array.of(pathLength))])),
  );
const purposes = (...dotted: string[]) =>
  extension('2.5.29.37', false, sequence(...dotted.map(objectIdentifier)));
const dns = (name: string) => tlv(0x82, Buffer.from(name));
const subtree = (base: Uint8Array) => sequence(base);
const constraints = (permitted: Uint8Array[], excluded: Uint8Array[] = []) =>
  extension(
    '2.5.29.30',
    true,
    sequence(
      ...(permitted.length > 0 ? [tlv(0xa0, ...permitted.map(subtree))] : []),
      ...(excluded.length > 0 ? [tlv(0xa1, ...excluded.map(subtree))] : []),
    ),
  );

function under(...extensions: Uint8Array[]): string | undefined {
  const middle = make({ subject: 'middle', issuer: root, extensions });
  return fault([make({ names, issuer: middle }), middle]);
}

test('an authority keeps to the length of path, the purposes and the names that it was given', () => {
  assert.equal(under(authority()), undefined);
  assert.equal(under(authority(0)), undefined);
  const first = make({ subject: 'first', issuer: root, extensions: [authority(0)] });
  const second = make({ subject: 'second', issuer: first, extensions: [authority()] });
  assert.match(fault([make({ names, issuer: second }), second, first]) ?? '', /no chain of this length/);

  assert.equal(under(authority(), purposes('1.3.6.1.5.5.7.3.1')), undefined);
  assert.equal(under(authority(), purposes('2.5.29.37.0')), undefined);
  assert.match(under(authority(), purposes('1.3.6.1.5.5.7.3.4')) ?? '', /not for servers/);

  assert.equal(under(authority(), constraints([dns('test')])), undefined);
  assert.equal(under(authority(), constraints([dns('other'), dns('node.test')])), undefined);
  assert.equal(under(authority(), constraints([dns('.test')])), undefined);
  assert.equal(under(authority(), constraints([dns('')])), undefined);
  assert.equal(under(authority(), constraints([], [dns('evil.test')])), undefined);
  assert.match(under(authority(), constraints([dns('other.test')])) ?? '', /may not vouch/);
  assert.match(under(authority(), constraints([dns('de.test')])) ?? '', /may not vouch/);
  assert.match(under(authority(), constraints([], [dns('test')])) ?? '', /may not vouch/);
  assert.match(under(authority(), constraints([dns('test')], [dns('node.test')])) ?? '', /may not vouch/);
  assert.match(under(authority(), constraints([tlv(0xa4, sequence())])) ?? '', /may not vouch/);

  assert.match(under(authority(), extension('1.2.3.4', true, sequence())) ?? '', /critical extension/);
  assert.equal(under(authority(), extension('1.2.3.4', false, sequence())), undefined);
});

test('the constraints of a root hold too, and its own signature does not matter', () => {
  const bound = make({ subject: 'bound', extensions: [authority(), constraints([dns('other.test')])] });
  assert.match(fault([make({ names, issuer: bound })], [bound]) ?? '', /may not vouch/);
});

test('a leaf is for servers, and weak keys are refused', () => {
  const san = extension('2.5.29.17', false, sequence(dns('node.test')));
  const issued = (...extensions: Uint8Array[]) =>
    fault([make({ issuer: root, extensions: [san, ...extensions] })]);
  assert.equal(issued(), undefined);
  assert.equal(issued(purposes('1.3.6.1.5.5.7.3.1')), undefined);
  assert.match(issued(purposes('1.3.6.1.5.5.7.3.2')) ?? '', /not for servers/);
  assert.match(issued(extension('1.2.3.4', true, sequence())) ?? '', /critical extension/);
  assert.match(fault([make({ key: 'rsa1024', names, issuer: root })]) ?? '', /RSA key under 2048/);
});

test('bytes that are no certificate are refused, not thrown at the caller', () => {
  for (const bytes of [new Uint8Array(0), Uint8Array.of(0x30, 0x80), leaf.der.subarray(0, 100)]) {
    assert.match(chainFault([leaf.der, bytes], { name: 'node.test', roots: [], now }) ?? '', /malformed/);
  }
});

// ── what a dial is told ─────────────────────────────────────────────────────────────────────────────────────────────

function refusal(pins: readonly string[], chain: readonly Uint8Array[], ca?: string): DialError | undefined {
  try {
    serverVerifier({ pins, name: 'node.test', ca, now: () => now })(chain);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof DialError);
    return error;
  }
}

test('each row of the verification table has its result', () => {
  const identity = identityCertificateDer(identityKey(vectorSecret));
  const other = identityCertificateDer(identityKey(otherSecret));
  const misnamed = make({ names: ['elsewhere.test'], notAfter: new Date('2021-01-01') });
  const issuedEd25519 = makeCertificate({ names, issuer: root });
  const strangerEd25519 = makeCertificate({ names, issuer: make({ authority: true }) });
  const rows: [result: DialErrorCode | undefined, pins: string[], chain: Uint8Array[]][] = [
    [undefined, [vectorFingerprint], [identity]],
    [undefined, [misnamed.fingerprint, vectorFingerprint], [identity]],
    [undefined, [misnamed.fingerprint], [misnamed.der]],
    ['PeerMismatch', [vectorFingerprint], [other]],
    ['PeerMismatch', [vectorFingerprint], [leaf.der, intermediate.der]],
    ['PeerMismatch', [vectorFingerprint], [other, identity]],
    [undefined, [], [leaf.der, intermediate.der]],
    [undefined, [], [issuedEd25519.der]],
    ['UnknownIdentity', [], [identity]],
    ['UnknownIdentity', [], [strangerEd25519.der]],
    ['UntrustedChain', [], [misnamed.der]],
    ['NoRemoteCertificate', [], []],
    ['NoRemoteCertificate', [vectorFingerprint], []],
  ];
  for (const [result, pins, chain] of rows) assert.equal(refusal(pins, chain, root.cert)?.code, result);
  const { message = '' } = refusal([vectorFingerprint], [other]) ?? {};
  assert.ok(message.includes(vectorFingerprint) && message.includes('ed25519:7339'), 'both keys are told');
  assert.ok(refusal([], [identity])?.message.includes(`node.test#${vectorFingerprint}`), 'how to pin');
  assert.equal(
    refusal([], [leaf.der, intermediate.der])?.code,
    'UntrustedChain',
    'the system does not know the test root',
  );
});

test('a bundle of authorities without a usable certificate is refused', () => {
  assert.equal(parseAuthorities(`# ours\n${root.cert}\n${intermediate.cert}`).length, 2);
  for (const pem of ['', 'none', root.key]) assert.throws(() => parseAuthorities(pem), VerifierBuildError);
  const damaged = root.cert.replace(/\n[A-Za-z0-9+/]{20}/, '\nAAAAAAAAAAAAAAAAAAAA');
  assert.throws(() => parseAuthorities(`${root.cert}${damaged}`), /certificate 2/);
});

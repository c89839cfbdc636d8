/**
 * PEER of the command line and the configuration: how a person names a node. `docs/spec/cli.md` 5. Pure; which address
 * stands behind an alias or a key is looked up elsewhere.
 *
 * @module
 */

import { isIP } from './address.ts';

export type Peer =
  | { readonly kind: 'local' }
  /** Bare text that may be an alias, else a host on the default port: an alias goes before a host of the same text. */
  | { readonly kind: 'name'; readonly name: string; readonly port: number }
  | { readonly kind: 'key'; readonly fingerprint: string }
  | { readonly kind: 'host'; readonly host: string; readonly port: number; readonly pin: string | null };

export class PeerSyntaxError extends Error {
  override readonly name = 'PeerSyntaxError';
}

export const defaultPort = 4433;

/** @throws PeerSyntaxError */
export function parsePeer(text: string): Peer {
  if (text === 'local') return { kind: 'local' };
  const key = parseKey(text);
  if (key !== undefined) return { kind: 'key', fingerprint: key };
  const [address = '', pinText, ...more] = text.split('#');
  if (more.length > 0) throw malformed(text, 'a pin stands behind one "#"');
  const pin = pinText === undefined ? null : parsePin(text, pinText);
  const { host, port } = parseHost(text, address);
  if (pin === null && port === undefined && isIP(host) === 0 && /^[A-Za-z0-9._-]{1,64}$/.test(host)) {
    return { kind: 'name', name: host, port: defaultPort };
  }
  return { kind: 'host', host, port: port ?? defaultPort, pin };
}

/** The fingerprint of a key in any of its written forms, or `undefined` for another text. */
export function parseKey(text: string): string | undefined {
  const hex = /^(?:ed25519:)?([0-9a-f]{64})$/i.exec(text)?.[1];
  if (hex !== undefined) return `ed25519:${hex.toLowerCase()}`;
  const bytes = text.length === 52 ? decodeZBase32(text) : undefined;
  return bytes && `ed25519:${Buffer.from(bytes).toString('hex')}`;
}

function parsePin(text: string, pin: string): string {
  const key = parseKey(pin);
  if (key !== undefined) return key;
  const [, hash = ''] = /^sha256:(.*)$/i.exec(pin) ?? [];
  const digits = hash.replaceAll(':', '');
  if (/^[0-9a-f]{64}$/i.test(digits)) return `SHA256:${digits.toLowerCase()}`;
  throw malformed(
    text,
    'the pin is ed25519: or SHA256: with 64 hex digits, 64 hex digits, or 52 z-base-32 characters',
  );
}

function parseHost(text: string, address: string): { host: string; port: number | undefined } {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]+))(?::([0-9]{1,5}))?$/.exec(address);
  if (match === null) {
    const hint =
      isIP(address) === 6
        ? 'an IPv6 address stands in brackets: [::1]:4433'
        : 'expected host, host:port or [v6]:port';
    throw malformed(text, hint);
  }
  const [, v6, host = v6 ?? '', portText] = match;
  if (v6 !== undefined && isIP(v6) !== 6) throw malformed(text, 'only an IPv6 address stands in brackets');
  if (v6 === undefined && !/^[A-Za-z0-9_.-]{1,253}$/.test(host))
    throw malformed(text, 'that is no host name');
  const port = portText === undefined ? undefined : Number(portText);
  if (port !== undefined && (port < 1 || port > 65_535)) throw malformed(text, 'a port is 1 to 65535');
  return { host, port };
}

function malformed(text: string, why: string): PeerSyntaxError {
  return new PeerSyntaxError(`cannot read ${JSON.stringify(text)} as a peer: ${why}`);
}

const alphabet = 'ybndrfg8ejkmcpqxot1uwisza345h769';

/** 52 characters to 32 bytes; the four bits beyond must be zero, so that a key has one form. */
function decodeZBase32(text: string): Uint8Array | undefined {
  const bytes: number[] = [];
  let value = 0;
  let bits = 0;
  for (const character of text.toLowerCase()) {
    const digit = alphabet.indexOf(character);
    if (digit < 0) return undefined;
    value = ((value << 5) | digit) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push((value >> bits) & 0xff);
  }
  return bytes.length === 32 && (value & ((1 << bits) - 1)) === 0 ? Uint8Array.from(bytes) : undefined;
}

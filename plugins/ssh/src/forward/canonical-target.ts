/**
 * What a client asks to reach, in the one form that rules are compared with. `docs/spec/ssh.md` 7.1, 7.3.
 *
 * @module
 */

import { domainToASCII } from 'node:url';
import { type Address, parseAddress } from './address.ts';

export type Host =
  | { readonly kind: 'address'; readonly address: Address }
  | { readonly kind: 'name'; readonly name: string };

/** `syntax`: no such target can be. `reserved`: a name that alknet keeps, never resolved. */
export type TargetFault = 'syntax' | 'reserved';

const mostHostBytes = 255;
/** Characters that end or escape a host in a URL, and those that no host has. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const notInHost = /[\u0000-\u0020\u007f#%*/:<>?@[\\\]^`{|}]/;

/**
 * The canonical form of a host: an address however it is spelled, or a lower-case name of A-labels without the last dot.
 *
 * The host parser of WHATWG URL decides what is an IPv4 address, because it knows the decimal, octal, hexadecimal and
 * short forms that `getaddrinfo` would take.
 */
export function canonicalHost(text: string): Host | TargetFault {
  if (text === '' || Buffer.byteLength(text) > mostHostBytes) return 'syntax';
  const literal = parseAddress(text);
  if (literal !== undefined) return { kind: 'address', address: literal };
  if (notInHost.test(text)) return 'syntax';
  const ascii = domainToASCII(text.toLowerCase());
  if (ascii === '') return 'syntax';
  const name = ascii.endsWith('.') ? ascii.slice(0, -1) : ascii;
  const address = parseAddress(name);
  if (address !== undefined) return { kind: 'address', address };
  if (!isName(name)) return 'syntax';
  if (isReserved(name)) return 'reserved';
  return { kind: 'name', name };
}

function isName(name: string): boolean {
  return name.length <= 253 && name.split('.').every((label) => /^[a-z0-9_-]{1,63}$/.test(label));
}

export function isReserved(name: string): boolean {
  return name.startsWith('alknet-') || name.endsWith('.alknet');
}

/** Whether a 32-bit port field names a port; it is never folded to 16 bits. */
export function isPort(port: number, { zero = false } = {}): boolean {
  return Number.isInteger(port) && port >= (zero ? 0 : 1) && port <= 65_535;
}

/** `sun_path` of Linux holds 108 bytes with the last NUL, that of macOS 104. */
const mostSocketPath = 103;

/** Whether a text may be the path of a Unix socket: absolute, without dot segments, short enough for `bind`. */
export function isSocketPath(path: string): boolean {
  return (
    path.startsWith('/') &&
    !path.includes('\0') &&
    Buffer.byteLength(path) <= mostSocketPath &&
    path
      .slice(1)
      .split('/')
      .every((segment) => segment !== '' && segment !== '.' && segment !== '..')
  );
}

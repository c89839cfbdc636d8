/**
 * IP addresses as text: the one written form, and the prefixes that limits count by (`docs/spec/endpoint.md` 3, 11).
 *
 * @module
 */

import { isIP, SocketAddress } from 'node:net';
import type { RemoteAddress } from '@alknet/sdk';

/** IP text without brackets and zone; IPv4-mapped IPv6 (`::ffff:192.0.2.1`) is written as IPv4. */
export function plainAddress(text: string): string {
  const [address = text] = text.split('%');
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  return mapped?.[1] ?? address;
}

/** What limits by address count: IPv4 by /32, IPv6 by /64, since one host commonly has a whole /64. */
export function addressPrefix(text: string): string {
  const address = plainAddress(text);
  if (isIP(address) !== 6) return address;
  return `${ipv6Groups(address).slice(0, 4).join(':')}::/64`;
}

export function isLoopback(text: string): boolean {
  const address = plainAddress(text);
  return address.startsWith('127.') || address === '::1';
}

/** The family of what is an address already. Node's `isIPv6` compiles an expression for 4 ms when it is first asked. */
export function isV6(address: string): boolean {
  return address.includes(':');
}

/** `127.0.0.1:4433`, `[::1]:4433`. */
export function addressText({ address, port }: RemoteAddress): string {
  return isV6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}

export { isIP };

/** The eight groups of an IPv6 address, hexadecimal without leading zeros. */
function ipv6Groups(address: string): string[] {
  // SocketAddress writes the shortest form (RFC 5952), with an embedded IPv4 address kept in dotted form.
  const text = new SocketAddress({ address, family: 'ipv6' }).address.replace(
    /(\d+)\.(\d+)\.(\d+)\.(\d+)$/,
    (_dotted, a, b, c, d) => `${(a * 256 + +b).toString(16)}:${(c * 256 + +d).toString(16)}`,
  );
  const [head = '', tail] = text.split('::');
  const before = head === '' ? [] : head.split(':');
  if (tail === undefined) return before;
  const after = tail === '' ? [] : tail.split(':');
  return [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after];
}

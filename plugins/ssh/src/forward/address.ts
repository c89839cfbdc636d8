/**
 * IP addresses in one form each, so that no spelling of a denied address is another one. `docs/spec/ssh.md` 7.3.
 *
 * @module
 */

import { BlockList, isIP, SocketAddress } from 'node:net';

/** An address as text: dotted IPv4, or IPv6 by RFC 5952. An IPv4-mapped IPv6 address is the IPv4 one. */
export interface Address {
  readonly family: 'ipv4' | 'ipv6';
  readonly text: string;
}

/** Reads an IPv4 address in four decimal parts, or an IPv6 address without brackets and zone. */
export function parseAddress(text: string): Address | undefined {
  const version = isIP(text);
  if (version === 0 || text.includes('%')) return undefined;
  if (version === 4) return { family: 'ipv4', text };
  const groups = groupsOf(text);
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff)
    return ipv4Of(groups[6], groups[7]);
  return { family: 'ipv6', text: new SocketAddress({ address: text, family: 'ipv6' }).address };
}

/** The eight 16-bit groups of an IPv6 address. */
function groupsOf(text: string): number[] {
  const tail = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  const hex = tail
    ? `${tail[1]}${((Number(tail[2]) << 8) | Number(tail[3])).toString(16)}:${((Number(tail[4]) << 8) | Number(tail[5])).toString(16)}`
    : text;
  const [head = '', rest] = hex.split('::');
  const groups = (part: string) =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  if (rest === undefined) return groups(head);
  const before = groups(head);
  const after = groups(rest);
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
}

function ipv4Of(high = 0, low = 0): Address {
  return { family: 'ipv4', text: `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}` };
}

/**
 * The IPv4 address inside an IPv6 one: NAT64 `64:ff9b::/96` (RFC 6052), 6to4 `2002::/16` (RFC 3056), and the
 * IPv4-compatible `::/96` (RFC 4291 2.5.5.1). A gateway would bring a connection to it.
 */
export function embeddedIpv4(address: Address): Address | undefined {
  if (address.family === 'ipv4') return undefined;
  const groups = groupsOf(address.text);
  if (groups[0] === 0x2002) return ipv4Of(groups[1], groups[2]);
  const middleIsZero = groups.slice(2, 6).every((group) => group === 0);
  const nat64 = groups[0] === 0x64 && groups[1] === 0xff9b;
  const compatible = groups[0] === 0 && groups[1] === 0;
  return middleIsZero && (nat64 || compatible) ? ipv4Of(groups[6], groups[7]) : undefined;
}

/** A range in the notation of RFC 4632; a bare address is the range of itself. */
export function parseRange(text: string): AddressRange | undefined {
  const [host = '', bits, more] = text.split('/');
  const address = parseAddress(host);
  if (address === undefined || more !== undefined) return undefined;
  const width = address.family === 'ipv4' ? 32 : 128;
  if (bits === undefined) return new AddressRange(address, width);
  if (!/^(0|[1-9]\d{0,2})$/.test(bits) || Number(bits) > width) return undefined;
  return new AddressRange(address, Number(bits));
}

export class AddressRange {
  readonly #list = new BlockList();

  constructor(address: Address, bits: number) {
    this.#list.addSubnet(address.text, bits, address.family);
  }

  has(address: Address): boolean {
    return this.#list.check(address.text, address.family);
  }
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8);
loopback.addAddress('::1', 'ipv6');

export function isLoopback(address: Address): boolean {
  return loopback.check(address.text, address.family);
}

/** What no name may lead to unless a rule says so: `docs/spec/ssh.md` 7.4, from the registries of RFC 6890. */
const special = new BlockList();
for (const [network, bits] of [
  ['0.0.0.0', 8], // this network, RFC 1122 3.2.1.3
  ['10.0.0.0', 8], // private, RFC 1918
  ['100.64.0.0', 10], // shared, RFC 6598
  ['127.0.0.0', 8], // loopback
  ['169.254.0.0', 16], // link-local, RFC 3927
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['224.0.0.0', 4], // multicast, RFC 5771
  ['255.255.255.255', 32], // limited broadcast
] as const)
  special.addSubnet(network, bits);
for (const [network, bits] of [
  ['::', 128], // unspecified
  ['::1', 128],
  ['fc00::', 7], // unique local, RFC 4193
  ['fe80::', 10], // link-local
  ['ff00::', 8], // multicast
] as const)
  special.addSubnet(network, bits, 'ipv6');

/** Whether an address is of this machine or of a network behind it; `own` are the node's own addresses. */
export function isInside(address: Address, own: readonly string[]): boolean {
  if (special.check(address.text, address.family) || own.includes(address.text)) return true;
  const embedded = embeddedIpv4(address);
  return embedded !== undefined && isInside(embedded, own);
}

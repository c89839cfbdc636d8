/**
 * The `target` of a forwarding rule. `docs/spec/ssh.md` 7.2.
 *
 * ```
 * target = "*" / host ":" ports / "unix:" path-glob
 * host   = "*" / name-pattern / IPv4 [ "/" n ] / "[" IPv6 [ "/" n ] "]"
 * ports  = "*" / item *( "," item )        item = port / port "-" port
 * ```
 *
 * @module
 */

import { domainToASCII } from 'node:url';
import { type Address, type AddressRange, isLoopback, parseRange } from './address.ts';
import { isPort } from './canonical-target.ts';

export type HostPattern =
  | { readonly kind: 'any' }
  /** The name `localhost` and the loopback addresses. */
  | { readonly kind: 'localhost' }
  | { readonly kind: 'name'; readonly pattern: RegExp }
  | { readonly kind: 'range'; readonly range: AddressRange };

export interface PortPattern {
  /** Written as `*`, so that it names no port in particular. */
  readonly any: boolean;
  has(port: number): boolean;
}

export type TargetPattern =
  | { readonly kind: 'tcp'; readonly host: HostPattern; readonly ports: PortPattern }
  | { readonly kind: 'unix'; readonly path: RegExp };

/** @throws Error that says what a target looks like */
export function parseTarget(text: string): TargetPattern {
  if (text === '*') return { kind: 'tcp', host: { kind: 'any' }, ports: anyPort };
  if (text.startsWith('unix:')) return { kind: 'unix', path: pathGlob(text, text.slice(5)) };
  const parts = /^(?:\[([^\]]*)\]|([^:[\]]+)):([^:]+)$/.exec(text);
  if (parts === null)
    throw new Error(`${JSON.stringify(text)} is no target: write HOST:PORTS, [IPV6]:PORTS, unix:/PATH or *`);
  const [, ipv6, host, ports = ''] = parts;
  return {
    kind: 'tcp',
    host: ipv6 === undefined ? parseHost(text, host ?? '') : parseIpv6(text, ipv6),
    ports: parsePorts(text, ports),
  };
}

function parseHost(target: string, text: string): HostPattern {
  if (text === '*') return { kind: 'any' };
  const range = parseRange(text);
  if (range !== undefined) return { kind: 'range', range };
  const pattern = text.toLowerCase().replace(/\.$/, '');
  if (pattern === 'localhost') return { kind: 'localhost' };
  const labels = pattern.split('.').map((label) => asciiLabel(label));
  if (text.includes('/') || labels.some((label) => !/^[a-z0-9_*-]+$/.test(label)))
    throw new Error(
      `${JSON.stringify(target)} is no target: ${JSON.stringify(text)} is neither a host name, with * for any part of it, nor an address or range`,
    );
  // Only digits and dots would be an address that was mistyped, and would match no name.
  if (/^[\d.]+$/.test(pattern))
    throw new Error(`${JSON.stringify(target)} is no target: ${JSON.stringify(text)} is no address`);
  return { kind: 'name', pattern: new RegExp(`^${labels.join('\\.').replaceAll('*', '.+')}$`) };
}

/** A label of other letters as its A-label; one of ASCII as it stands, as `10` alone would be read as an address. */
function asciiLabel(label: string): string {
  return /^[\u0021-\u007e]*$/.test(label) ? label : domainToASCII(label);
}

function parseIpv6(target: string, text: string): HostPattern {
  const range = text.includes(':') ? parseRange(text) : undefined;
  if (range === undefined)
    throw new Error(
      `${JSON.stringify(target)} is no target: ${JSON.stringify(text)} is no IPv6 address or range`,
    );
  return { kind: 'range', range };
}

const anyPort: PortPattern = { any: true, has: () => true };

function parsePorts(target: string, text: string): PortPattern {
  if (text === '*') return anyPort;
  const ranges = text.split(',').map((item) => {
    const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(item);
    const first = Number(match?.[1] ?? Number.NaN);
    const last = Number(match?.[2] ?? first);
    if (!isPort(first) || !isPort(last) || first > last)
      throw new Error(
        `${JSON.stringify(target)} is no target: ${JSON.stringify(item)} is neither a port (1 to 65535) nor a range of ports such as 8000-8099`,
      );
    return [first, last] as const;
  });
  return { any: false, has: (port) => ranges.some(([first, last]) => port >= first && port <= last) };
}

function pathGlob(target: string, glob: string): RegExp {
  if (!glob.startsWith('/') || glob.includes('\0'))
    throw new Error(`${JSON.stringify(target)} is no target: the path after unix: must begin with /`);
  const source = glob.replace(/\*\*|\*|[\\^$.+?()[\]{}|]/g, (part) =>
    part === '**' ? '.*' : part === '*' ? '[^/]*' : `\\${part}`,
  );
  return new RegExp(`^${source}$`, 's');
}

/** A target after resolution: what is judged. */
export interface Candidate {
  /** The name that was asked for; absent when the client named an address. */
  readonly name?: string;
  /** Absent when a proxy will resolve the name. */
  readonly address?: Address;
  readonly port: number;
}

export function hostMatches(
  pattern: HostPattern,
  { name, address }: Pick<Candidate, 'name' | 'address'>,
): boolean {
  switch (pattern.kind) {
    case 'any':
      return true;
    case 'localhost':
      return name === 'localhost' || (address !== undefined && isLoopback(address));
    case 'name':
      return name !== undefined && pattern.pattern.test(name);
    case 'range':
      return address !== undefined && pattern.range.has(address);
  }
}

/**
 * ALPN names: who may claim which, where each is offered, in which order, and for which a client certificate is asked.
 * `docs/spec/endpoint.md` 2. Pure.
 *
 * @module
 */

import type { ServerParameters, TransportKind } from './engine.ts';

/** Of the host itself (RFC 8737); no plugin may have it. */
export const acmeAlpn = 'acme-tls/1';

const http = new Set(['http/1.0', 'http/1.1', 'h2', 'h3']);

/** IANA names that some listener must not offer; every other name goes everywhere. */
const onlyOn: Readonly<Record<string, readonly TransportKind[]>> = {
  dot: ['tls'],
  h3: ['quic'],
  doq: ['quic'],
  [acmeAlpn]: ['tls'],
};

/** Names that stand in the registry of IANA and are spoken by built-in plugins. */
const iana = new Set(['h2', 'h3', 'http/1.1', 'dot', 'doq']);

const preferred = ['h3', 'h2', 'http/1.1'];

export function isHttpAlpn(alpn: string): boolean {
  return http.has(alpn);
}

export function offeredOn(alpn: string, transport: TransportKind): boolean {
  return onlyOn[alpn]?.includes(transport) ?? true;
}

/** The server's preference: `h3`, `h2`, `http/1.1`, the rest by byte value. */
export function inPreferenceOrder(alpns: Iterable<string>): string[] {
  const rank = (alpn: string) => (preferred.includes(alpn) ? preferred.indexOf(alpn) : preferred.length);
  return [...alpns].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : a > b ? 1 : 0));
}

/** Whether a certificate is wanted of a client that offers these. */
export function clientCertificate(
  transport: TransportKind,
  offered: readonly string[],
): ServerParameters['clientCertificate'] {
  const stock = (alpn: string) =>
    http.has(alpn) || alpn === acmeAlpn || (transport === 'quic' && alpn === 'doq');
  if (offered.every(stock)) return 'none';
  return transport === 'quic' ? 'demand' : 'request';
}

/** What is wrong with the claim of a plugin to a name, or `undefined`. */
export function claimProblem(
  alpn: string,
  plugin: { readonly name: string; readonly builtIn: boolean },
): string | undefined {
  if (!/^[\x21-\x7e]{1,64}$/.test(alpn)) return 'expected 1 to 64 visible ASCII characters';
  if (alpn === acmeAlpn) return `${acmeAlpn} belongs to the host`;
  if (plugin.builtIn) {
    if (iana.has(alpn) || /^alknet\/[a-z0-9-]+(\/v[0-9]+)?$/.test(alpn)) return undefined;
    return `a built-in plugin may claim alknet/<word>, alknet/<word>/v<n> or one of ${[...iana].join(', ')}`;
  }
  const [prefix, ...parts] = alpn.split('/');
  const owned = prefix === 'alknet' || iana.has(alpn);
  if (!owned && prefix === plugin.name && parts.length > 0 && parts.every((part) => part !== ''))
    return undefined;
  return `it belongs to ${ownerOf(alpn)}; a name of plugin ${plugin.name} begins with ${plugin.name}/`;
}

function ownerOf(alpn: string): string {
  const [prefix = ''] = alpn.split('/');
  return prefix === 'alknet' || iana.has(alpn) ? 'the built-in plugins' : `plugin ${prefix}`;
}

/** `grant.dispatch`: names, `alknet/*`, or `*`. */
export function dispatchGranted(grant: readonly string[], alpn: string): boolean {
  return grant.some(
    (entry) =>
      entry === alpn || entry === '*' || (entry.endsWith('/*') && alpn.startsWith(entry.slice(0, -1))),
  );
}

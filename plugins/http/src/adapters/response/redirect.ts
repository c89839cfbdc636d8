/**
 * Where a redirect is followed to, without a credential in the request. `docs/spec/http.md` 17.4. Pure.
 *
 * @module
 */

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** `undefined`: it is not followed. */
export function redirectTarget(
  url: string,
  method: string,
  status: number,
  location: string | undefined,
): string | undefined {
  if (!redirects.has(status) || (method !== 'GET' && method !== 'HEAD')) return undefined;
  if (location === undefined || !URL.canParse(location, url)) return undefined;
  const from = new URL(url);
  const to = new URL(location, url);
  if (to.protocol !== 'https:' && (to.protocol !== 'http:' || from.protocol === 'https:')) return undefined;
  if (to.username !== '' || to.password !== '') return undefined;
  // A remote of the world may not lead this node to services that only it can reach.
  if (isPrivate(to.hostname) && !isPrivate(from.hostname)) return undefined;
  to.hash = '';
  return to.href;
}

/** Unspecified, loopback, private, shared and link-local addresses (RFC 6890), as literals; names are not looked up. */
function isPrivate(hostname: string): boolean {
  // The URL parser has written every spelling of an IPv4 address as four decimal numbers.
  const bare = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (bare === 'localhost' || bare.endsWith('.localhost')) return true;
  const v4 = /^(\d+)\.(\d+)\.\d+\.\d+$/.exec(bare);
  if (v4 !== null) {
    const [a = 0, b = 0] = v4.slice(1).map(Number);
    if (a === 0 || a === 10 || a === 127) return true;
    if (a === 100) return b >= 64 && b <= 127;
    if (a === 172) return b >= 16 && b <= 31;
    return (a === 169 && b === 254) || (a === 192 && b === 168);
  }
  // Mapped ones (::ffff:…) and those of NAT64 (64:ff9b::…) hold an IPv4 address.
  return /^(?:::1?$|::ffff:|64:ff9b:|f[cd]|fe[89ab])/.test(bare);
}

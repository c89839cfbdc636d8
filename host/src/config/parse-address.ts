/**
 * Addresses as the configuration and `peers.json` write them. Pure.
 *
 * @module
 */

/** `host:port`, `[v6]:port`, `*:port`; the schema has seen to the form. */
export function parseAddress(text: string): { host: string; port: number } {
  const at = text.lastIndexOf(':');
  const host = text.slice(0, at);
  return { host: host.startsWith('[') ? host.slice(1, -1) : host, port: Number(text.slice(at + 1)) };
}

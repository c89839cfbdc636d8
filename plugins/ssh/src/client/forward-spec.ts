/**
 * The forwards of a command line, as OpenSSH writes them. `docs/spec/ssh.md` 8.3.
 *
 * @module
 */

import { isPort } from '../forward/canonical-target.ts';

export interface TcpEnd {
  readonly kind: 'tcp';
  /** Absent in a bind address that was not written: loopback. */
  readonly host?: string;
  readonly port: number;
}

export interface UnixEnd {
  readonly kind: 'unix';
  readonly path: string;
}

export type End = TcpEnd | UnixEnd;

export interface ForwardSpec {
  /** Where connections are taken. */
  readonly bind: End;
  /** Where they lead. */
  readonly target: End;
}

const shapes =
  '[BIND:]PORT:HOST:HOSTPORT, [BIND:]PORT:unix:/PATH or unix:/PATH:HOST:HOSTPORT, with IPv6 addresses in brackets';

/**
 * Reads a spec of `-L` or of `-R`; the port to listen on may be 0 for a free one.
 *
 * @throws Error with the shapes that there are, without the text: targets are told to nobody
 */
export function parseForwardSpec(text: string): ForwardSpec {
  const wrong = () =>
    new Error(`expected a forward: ${shapes}; ports to listen on from 0, others from 1 to 65535`);
  const unixBind = /^(unix:\/[^:]+):(.+)$/.exec(text);
  if (unixBind !== null) {
    const target = parseTcp(unixBind[2] ?? '');
    if (target === undefined) throw wrong();
    return { bind: { kind: 'unix', path: (unixBind[1] ?? '').slice(5) }, target };
  }
  const parts = /^(?:(\[[^\]]*\]|[^:[\]]*):)?(\d+):(unix:\/.+|(?:\[[^\]]+\]|[^:[\]]+):\d+)$/.exec(text);
  if (parts === null) throw wrong();
  const [, host, port = '', rest = ''] = parts;
  const target: End | undefined = rest.startsWith('unix:')
    ? { kind: 'unix', path: rest.slice(5) }
    : parseTcp(rest);
  if (target === undefined || !isPort(Number(port), { zero: true })) throw wrong();
  return { bind: { kind: 'tcp', ...bindHost(host), port: Number(port) }, target };
}

/**
 * Reads `[BIND:]PORT` of `-D` and of `alknet socks`; the port may be 0 for a free one.
 *
 * @throws Error with the shape, without the text
 */
export function parseBindSpec(text: string): TcpEnd {
  const parts = /^(?:(\[[^\]]*\]|[^:[\]]*):)?(\d+)$/.exec(text);
  if (parts === null || !isPort(Number(parts[2]), { zero: true }))
    throw new Error('expected an address to listen on: [BIND:]PORT with a port from 0 to 65535');
  return { kind: 'tcp', ...bindHost(parts[1]), port: Number(parts[2]) };
}

function bindHost(text: string | undefined): { host?: string } {
  return text === undefined ? {} : { host: withoutBrackets(text) };
}

function parseTcp(text: string): TcpEnd | undefined {
  const parts = /^(\[[^\]]+\]|[^:[\]]+):(\d+)$/.exec(text);
  const port = Number(parts?.[2] ?? Number.NaN);
  return parts === null || !isPort(port)
    ? undefined
    : { kind: 'tcp', host: withoutBrackets(parts[1] ?? ''), port };
}

function withoutBrackets(text: string): string {
  return text.startsWith('[') ? text.slice(1, -1) : text;
}

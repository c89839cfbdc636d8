/**
 * What comes with requests and opens, as the library has parsed it, checked once. Pure.
 *
 * @module
 */

import type { PtyRequest, WindowSize } from '../program/program.ts';

type Fields = Readonly<Record<string, unknown>>;

function isFields(data: unknown): data is Fields {
  return typeof data === 'object' && data !== null;
}

export function isSize(data: unknown): data is WindowSize {
  return isFields(data) && typeof data['cols'] === 'number' && typeof data['rows'] === 'number';
}

export function isPty(data: unknown): data is PtyRequest {
  if (!isFields(data) || !isSize(data)) return false;
  const { term, modes } = data as Fields;
  return typeof term === 'string' && /^[\x21-\x7e]{0,64}$/.test(term) && isFields(modes);
}

export function isVariable(data: unknown): data is { readonly name: string; readonly value: string } {
  return isFields(data) && typeof data['name'] === 'string' && typeof data['value'] === 'string';
}

/** Of `direct-tcpip`. */
export function isTcpTarget(data: unknown): data is {
  readonly destIP: string;
  readonly destPort: number;
  readonly srcIP: string;
  readonly srcPort: number;
} {
  return isFields(data) && typeof data['destIP'] === 'string' && typeof data['destPort'] === 'number';
}

/** Of `tcpip-forward` and its cancel. */
export function isBind(data: unknown): data is { readonly bindAddr: string; readonly bindPort: number } {
  return isFields(data) && typeof data['bindAddr'] === 'string' && typeof data['bindPort'] === 'number';
}

/** Of everything that names a Unix socket. */
export function isSocketPath(data: unknown): data is { readonly socketPath: string } {
  return isFields(data) && typeof data['socketPath'] === 'string';
}

/**
 * Where an adapter's requests go. Pure.
 *
 * @module
 */

import { AdapterError } from '@alknet/sdk';
import { found, member } from '../json.ts';

export interface BaseUrl {
  /** `https://api.example:8443` */
  readonly origin: string;
  /** Without the slash at its end. */
  readonly path: string;
}

/** @throws AdapterError `AdapterConfig` */
export function parseBaseUrl(text: string, namespace: string, place = 'baseUrl', base?: string): BaseUrl {
  const fault = (what: string) =>
    new AdapterError('AdapterConfig', `${namespace}: ${place}: expected an https or http URL ${what}`);
  let url: URL;
  try {
    url = new URL(text, base);
  } catch {
    throw fault(`with a host, found ${found(text)}; set baseUrl in the adapter's entry`);
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw fault(`, found ${found(url.protocol)}`);
  if (url.username !== '' || url.password !== '') throw fault('without a user; use auth');
  if (url.search !== '') throw fault('without query');
  return { origin: url.origin, path: url.pathname.replace(/\/+$/, '') };
}

/**
 * `servers[0]` with its variables by their defaults, relative to where the document came from.
 * @throws AdapterError `AdapterConfig`
 */
export function serverOf(root: unknown, namespace: string, source: string | undefined): BaseUrl {
  const servers = member(root, 'servers');
  const [server] = Array.isArray(servers) ? servers : [];
  const url = member(server, 'url');
  if (typeof url !== 'string') {
    if (source !== undefined) return parseBaseUrl('/', namespace, 'source', source);
    throw new AdapterError(
      'AdapterConfig',
      `${namespace}: the document names no server (#/servers/0/url); set baseUrl in the adapter's entry`,
    );
  }
  const variables = member(server, 'variables');
  const filled = url.replaceAll(/\{([^{}]+)\}/g, (text, name: string) => {
    const value = member(member(variables, name), 'default');
    return typeof value === 'string' || typeof value === 'number' ? String(value) : text;
  });
  return parseBaseUrl(filled, namespace, '#/servers/0/url', source);
}

/** Of an adapter's requests: loopback only, by name or address. */
export function isLoopback(hostname: string): boolean {
  const bare = hostname.replace(/^\[|\]$/g, '');
  return (
    bare === 'localhost' ||
    bare === '::1' ||
    /^127(?:\.\d{1,3}){3}$/.test(bare) ||
    bare.endsWith('.localhost')
  );
}

/**
 * Where the document of an adapter comes from: a file, a URL, or the configuration itself. `docs/spec/http.md` 17.2.
 *
 * @module
 */

import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AdapterError, CallError } from '@alknet/sdk';
import type { HttpClient } from '../client.ts';
import { found } from '../json.ts';
import { isLoopback } from '../request/base-url.ts';
import { RetryAfterTable } from '../response/retry.ts';
import { headerOf, receive, send } from '../send.ts';
import { maxDocument } from './read.ts';

export type DocumentSource =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'url'; readonly url: string };

/** Milliseconds. */
const fetchTimeout = 60_000;

/** An entry's `source`. @throws AdapterError `AdapterConfig` */
export function parseSource(source: unknown, namespace: string): DocumentSource {
  const fault = (what: string) => new AdapterError('AdapterConfig', `${namespace}: source: ${what}`);
  if (typeof source === 'object' && source !== null) return { kind: 'value', value: source };
  if (typeof source !== 'string' || source === '')
    throw fault(`expected a path, a URL or a document, found ${found(source)}`);
  if (/^\s*\{|\n/.test(source)) return { kind: 'text', text: source };
  if (source.startsWith('file:')) return { kind: 'file', path: fileURLToPath(source) };
  if (!/^[a-z][a-z0-9+.-]+:\/\//i.test(source)) return { kind: 'file', path: resolve(source) };
  if (!URL.canParse(source)) throw fault(`expected a path, a URL or a document, found ${found(source)}`);
  const url = new URL(source);
  if (url.username !== '' || url.password !== '') throw fault('expected a URL without a user');
  const allowed = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname));
  if (!allowed) throw fault(`expected https, or http to a loopback address, found ${found(url.origin)}`);
  return { kind: 'url', url: source };
}

/** Where it came from, without query. */
export function sourceName(source: DocumentSource): string {
  if (source.kind === 'file') return source.path;
  if (source.kind !== 'url') return 'configuration';
  const { origin, pathname } = new URL(source.url);
  return `${origin}${pathname}`;
}

/** What a server said of the version that is known. */
export interface Validators {
  readonly etag?: string;
  readonly lastModified?: string;
}

export interface Fetched {
  readonly text: string;
  readonly validators: Validators;
}

/**
 * The text of the document; `undefined` when it is the one that `known` tells of.
 * @throws AdapterError `Transport`, `Unauthorized`, `DiscoveryFailed`
 */
export async function fetchText(
  url: string,
  known: Validators,
  client: Pick<HttpClient, 'dispatcher'>,
  namespace: string,
  signal: AbortSignal,
): Promise<Fetched | undefined> {
  const late = AbortSignal.timeout(fetchTimeout);
  const { origin, pathname, search } = new URL(url);
  const headers: [string, string][] = [
    ['accept', 'application/json, application/yaml, text/yaml, */*;q=0.5'],
    ['user-agent', 'alknet'],
  ];
  if (known.etag !== undefined) headers.push(['if-none-match', known.etag]);
  if (known.lastModified !== undefined) headers.push(['if-modified-since', known.lastModified]);
  const where = `${namespace}: ${origin}${pathname}`;
  try {
    const answer = await send(
      { method: 'GET', origin, path: `${pathname}${search}`, headers, body: undefined, streaming: false },
      {
        dispatcher: () => client.dispatcher,
        retryAfter: new RetryAfterTable(),
        retries: 0,
        secret: false,
        signal: AbortSignal.any([signal, late]),
        until: Date.now() + fetchTimeout,
        counted: () => {},
      },
    );
    const { statusCode: status } = answer;
    const received = await receive(answer, maxDocument, origin);
    if (status === 304) return undefined;
    if (status === 401 || status === 403) throw new AdapterError('Unauthorized', `${where}: HTTP ${status}`);
    if (status !== 200)
      throw new AdapterError('DiscoveryFailed', `${where}: expected HTTP 200, found ${status}`);
    const etag = headerOf(answer, 'etag');
    const lastModified = headerOf(answer, 'last-modified');
    return {
      text: Buffer.from(received.body).toString('utf8'),
      validators: {
        ...(etag === undefined ? {} : { etag }),
        ...(lastModified === undefined ? {} : { lastModified }),
      },
    };
  } catch (error) {
    if (error instanceof AdapterError) throw error;
    signal.throwIfAborted();
    const reason = late.aborted
      ? 'no document within 60 s'
      : error instanceof CallError
        ? error.message
        : String(error);
    throw new AdapterError('Transport', `${where}: ${reason}`, { cause: error });
  }
}

/** @throws AdapterError `DiscoveryFailed`, `SchemaParse` */
export async function readFileText(path: string, namespace: string): Promise<string> {
  try {
    await using file = await open(path, 'r');
    const about = await file.stat();
    if (!about.isFile())
      throw new AdapterError('DiscoveryFailed', `${namespace}: ${path} is no regular file`);
    if (about.size > maxDocument) {
      throw new AdapterError(
        'SchemaParse',
        `${namespace}: ${path}: expected at most ${maxDocument / 1024 / 1024} MiB, found ${about.size} bytes`,
      );
    }
    return await file.readFile('utf8');
  } catch (error) {
    if (error instanceof AdapterError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new AdapterError('DiscoveryFailed', `${namespace}: ${path} cannot be read: ${reason}`, {
      cause: error,
    });
  }
}

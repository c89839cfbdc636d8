/**
 * The credential of a request: from a capability at each call, in the place that the adapter's entry says, and in no
 * other. `docs/spec/http.md` 17.2. Pure.
 *
 * @module
 */

import { AdapterError, CallError, type Capabilities } from '@alknet/sdk';
import { encode } from './style.ts';

export interface AuthConfig {
  readonly kind: 'none' | 'bearer' | 'apiKey' | 'basic';
  /** Name of the stored secret. */
  readonly secret?: string | undefined;
  /** Of the header or query parameter of an `apiKey`. */
  readonly name?: string | undefined;
  readonly in?: 'header' | 'query' | undefined;
  readonly optional?: boolean | undefined;
}

export interface Credential {
  readonly auth: AuthConfig;
  readonly value: string;
}

const headerName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** @throws AdapterError `AdapterConfig` */
export function checkAuth(auth: AuthConfig, namespace: string): void {
  const fault = (what: string) => new AdapterError('AdapterConfig', `${namespace}: auth.${what}`);
  if (auth.kind !== 'none' && auth.secret === undefined)
    throw fault(`secret: expected the name of a stored secret for ${auth.kind}, found nothing`);
  if (auth.in === 'query' && auth.name === undefined)
    throw fault('name: expected the name of the query parameter, found nothing');
  if (auth.kind === 'apiKey' && auth.in !== 'query' && auth.name !== undefined && !headerName.test(auth.name))
    throw fault(`name: expected the name of a header, found "${auth.name}"`);
}

/** @throws CallError `INTERNAL` when there is none and one is needed */
export function credentialOf(
  auth: AuthConfig,
  capabilities: Capabilities,
  namespace: string,
): Credential | undefined {
  if (auth.kind === 'none') return undefined;
  const value = capabilities.get(namespace);
  // A value that cannot stand in a header could end it and begin another.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (value !== undefined && value !== '' && !/[\x00-\x1f\x7f]/.test(value)) return { auth, value };
  if (auth.optional === true && value === undefined) return undefined;
  throw new CallError('INTERNAL', `credential for ${namespace} missing`, { retryable: false });
}

export function credentialHeader(credential: Credential | undefined): (readonly [string, string])[] {
  if (credential === undefined) return [];
  const { auth, value } = credential;
  if (auth.kind === 'bearer') return [['authorization', `Bearer ${value}`]];
  if (auth.kind === 'basic') return [['authorization', `Basic ${basic(value)}`]];
  if (auth.kind === 'apiKey' && auth.in !== 'query')
    return [[(auth.name ?? 'X-API-Key').toLowerCase(), value]];
  return [];
}

export function credentialQuery(credential: Credential | undefined): string[] {
  if (credential === undefined) return [];
  const { auth, value } = credential;
  return auth.kind === 'apiKey' && auth.in === 'query' ? [`${encode(auth.name ?? '')}=${encode(value)}`] : [];
}

/** `user:password` is encoded; a value without a colon is taken as encoded already. */
function basic(value: string): string {
  return value.includes(':') ? Buffer.from(value, 'utf8').toString('base64') : value;
}

/** Shorter ones would redact words of ordinary text. */
const minRedacted = 8;

/** Every form in which the value may come back. */
function forms({ auth, value }: Credential): string[] {
  const all = [value, basic(value), encodeURIComponent(value), JSON.stringify(value).slice(1, -1)];
  if (auth.kind === 'basic' && value.includes(':')) all.push(value.slice(value.indexOf(':') + 1));
  if (auth.kind === 'basic' && !value.includes(':')) {
    const decoded = Buffer.from(value, 'base64').toString('utf8');
    all.push(decoded, decoded.slice(decoded.indexOf(':') + 1));
  }
  return [...new Set(all)].filter((form) => form.length >= minRedacted).sort((a, b) => b.length - a.length);
}

/** The same text, or JSON, with `[REDACTED]` wherever the credential stood. */
export function redact<Value>(value: Value, credential: Credential | undefined): Value {
  if (credential === undefined) return value;
  const texts = forms(credential);
  return texts.length === 0 ? value : (walk(value, texts) as Value);
}

function walk(value: unknown, texts: readonly string[]): unknown {
  if (typeof value === 'string')
    return texts.reduce((text, form) => text.replaceAll(form, '[REDACTED]'), value);
  if (Array.isArray(value)) return value.map((each) => walk(each, texts));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [walk(key, texts), walk(each, texts)]),
  );
}

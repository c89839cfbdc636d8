/**
 * What an adapter is, and what the entries of all kinds have in common. `docs/spec/registry.md` 14, `docs/spec/http.md`
 * 17.
 *
 * @module
 */

import {
  type Access,
  AdapterError,
  type AdapterRegistration,
  type Capabilities,
  type Log,
  type Visibility,
} from '@alknet/sdk';
import { HttpClient } from './client.ts';
import { found } from './json.ts';
import { type BaseUrl, isLoopback } from './request/base-url.ts';
import { type AuthConfig, checkAuth } from './request/credential.ts';
import { RetryAfterTable } from './response/retry.ts';

/** Turns something outside into registrations. */
export interface Adapter {
  readonly kind: 'openapi' | 'jsonschema' | 'mcp';
  /** @throws AdapterError */
  import(signal?: AbortSignal): Promise<AdapterRegistration[]>;
}

/** What the plugin gives to all adapters. Absent parts are made for one adapter alone. */
export interface AdapterParts {
  readonly client?: Pick<HttpClient, 'dispatcher'>;
  /** By exact URL, of all adapters together. */
  readonly retryAfter?: RetryAfterTable;
  readonly log?: Pick<Log, 'warn'>;
  /** The plugin's own, by the names of the secrets, for requests that are made outside of calls. */
  readonly capabilities?: () => Capabilities;
  /** Of the node, for remotes that ask who calls. */
  readonly version?: string;
  /** Told of each answer of the remote, `undefined` for none. */
  readonly counted?: (namespace: string, status: number | undefined) => void;
}

/** Members of every entry; durations in milliseconds, sizes in bytes. */
export interface CommonOptions extends AdapterParts {
  /** First segment of every name. */
  readonly namespace: string;
  readonly auth?: AuthConfig | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly visibility?: Visibility | undefined;
  readonly scopes?: readonly string[] | undefined;
  readonly timeout?: number | undefined;
  readonly retries?: number | undefined;
  readonly maxResponse?: number | undefined;
}

export const defaultMaxResponse = 32 * 1024 * 1024;
export const defaultRetries = 3;
export const noAuth: AuthConfig = { kind: 'none' };

const namespaceText = /^[a-z][a-zA-Z0-9-]{0,63}$/;
const headerName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const forbidden: ReadonlySet<string> = new Set([
  'authorization',
  'connection',
  'content-length',
  'cookie',
  'host',
  'transfer-encoding',
]);

/** @throws AdapterError `AdapterConfig` naming namespace and member */
export function checkCommon({ namespace, auth = noAuth, headers = {} }: CommonOptions): void {
  const fault = (what: string) => new AdapterError('AdapterConfig', `${namespace}: ${what}`);
  if (!namespaceText.test(namespace))
    throw fault(`namespace: expected a word such as "weather", found ${found(namespace)}`);
  checkAuth(auth, namespace);
  for (const [name, value] of Object.entries(headers)) {
    if (!headerName.test(name)) throw fault(`headers: expected the name of a header, found ${found(name)}`);
    if (forbidden.has(name.toLowerCase()))
      throw fault(
        `headers: ${name} is not set here${name.toLowerCase() === 'authorization' ? '; use auth' : ''}`,
      );
    if (!/^[\t\x20-\xff]*$/.test(value)) throw fault(`headers: ${name} has control characters`);
  }
}

/** Who may see and call what is imported. */
export function exposure({ visibility = 'internal', scopes = [] }: CommonOptions): {
  readonly visibility: Visibility;
  readonly access: Access;
} {
  return { visibility, access: scopes.length === 0 ? 'public' : { scopes } };
}

/** Names of the secrets that the registrations read. */
export function secretsOf({ auth }: CommonOptions): readonly string[] {
  return auth?.secret === undefined || auth.kind === 'none' ? [] : [auth.secret];
}

/** What every request of an adapter is sent with. */
export function remoteOf(options: CommonOptions, base: BaseUrl) {
  const { namespace, auth = noAuth, headers = {}, counted } = options;
  const url = new URL(base.origin);
  if (auth.kind !== 'none' && url.protocol === 'http:' && !isLoopback(url.hostname))
    options.log?.warn('credential over plain http', { namespace, origin: base.origin });
  return {
    namespace,
    base,
    headers: Object.entries(headers),
    auth,
    timeout: options.timeout,
    retries: options.retries ?? defaultRetries,
    maxResponse: options.maxResponse ?? defaultMaxResponse,
    client: options.client ?? new HttpClient({ connections: 64 }),
    retryAfter: options.retryAfter ?? new RetryAfterTable(),
    counted: (status: number | undefined) => counted?.(namespace, status),
  };
}

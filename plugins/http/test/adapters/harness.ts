/** Imports into a real registry, and a real remote that says what arrived. */

import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { type AdapterRegistration, Capabilities, type Identity } from '@alknet/sdk';
import { captureLog, type LogLine, MemoryStore } from '@alknet/sdk/testing';
import { type Importer, PluginImports } from '../../../../host/src/node/plugin-imports.ts';
import { nothingGranted } from '../../../../host/src/plugins/grants.ts';
import type { Owner } from '../../../../host/src/registry/registration.ts';
import { Registry } from '../../../../host/src/registry/registry.ts';
import type { Adapter } from '../../src/adapters/adapter.ts';
import { HttpClient } from '../../src/adapters/client.ts';
import { type FromOpenApiOptions, fromOpenAPI } from '../../src/adapters/from-openapi.ts';

export interface Received {
  readonly method: string;
  /** With query, as it stood in the request line. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Remote {
  readonly url: string;
  readonly requests: Received[];
}

/** Answers with `listener`, or with 200 and what it received. */
export async function remote(t: TestContext, listener?: RequestListener): Promise<Remote> {
  const requests: Received[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = '', url = '', headers } = request;
    requests.push({ method, path: url, headers, body: Buffer.concat(chunks) });
    if (listener !== undefined) return listener(request, response);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ method, path: url }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, requests };
}

export interface Imported {
  readonly registry: Registry;
  readonly names: readonly string[];
  readonly lines: LogLine[];
  call(
    name: string,
    input?: unknown,
    options?: { timeoutMs?: number; signal?: AbortSignal },
  ): Promise<unknown>;
  subscribe(name: string, input?: unknown, options?: { signal?: AbortSignal }): AsyncIterable<unknown>;
}

const nobody: Identity | null = null;

/** A registry, and a plugin that publishes into it. */
export function registryFor(t: TestContext, secrets: Readonly<Record<string, string>> = {}) {
  const lines: LogLine[] = [];
  const log = captureLog(lines);
  const registry = new Registry({
    identities: { current: (who) => who, resolveToken: () => undefined, onChange: () => () => {} },
    store: new MemoryStore(),
    limits: { callTimeout: 30_000, callTimeoutMax: 600_000 },
    log,
  });
  const alive = setInterval(() => {}, 60_000);
  t.after(() => {
    registry.close();
    clearInterval(alive);
  });
  let capabilities = new Capabilities();
  for (const [name, value] of Object.entries(secrets)) capabilities = capabilities.withApiKey(name, value);
  const plugin = { name: 'http', version: '1.0.0', package: '@alknet/plugin-http' };
  const owner: Pick<Owner, 'name' | 'provenance' | 'capabilities' | 'concurrency' | 'log'> = {
    name: 'http',
    provenance: plugin,
    capabilities,
    concurrency: 1024,
    log,
  };
  const importer: Importer = {
    name: 'http',
    signal: new AbortController().signal,
    granted: { ...nothingGranted, namespaces: ['*'] },
    refusals: { note: () => {} } as never,
    limits: {} as never,
  };
  const imports = new PluginImports({ registry, grace: () => 100, isPlugin: () => false });
  const publish = (prefix: string, kind: Adapter['kind'], registrations: readonly AdapterRegistration[]) =>
    imports.publish(importer, () => owner, prefix, kind, registrations);
  const prepare = (registrations: readonly AdapterRegistration[]) => imports.prepare(registrations);
  return { registry, lines, publish, prepare };
}

/** The adapter's operations in a registry, callable from the wire. */
export async function published(
  t: TestContext,
  adapter: Adapter,
  namespace: string,
  secrets: Readonly<Record<string, string>> = {},
): Promise<Imported> {
  const { registry, lines, publish } = registryFor(t, secrets);
  const registrations = await adapter.import();
  publish(namespace, adapter.kind, registrations);
  const gateway = registry.gateway({
    alpn: 'alknet/call',
    transport: 'quic',
    remote: null,
    fingerprint: null,
    identity: nobody,
  });
  return {
    registry,
    names: registrations.map(({ operation: { name } }) => name),
    lines,
    call: (name, input, options) => gateway.call(`${namespace}/${name}`, input, options),
    subscribe: (name, input, options) => gateway.subscribe(`${namespace}/${name}`, input, options),
  };
}

export function client(t: TestContext): HttpClient {
  const made = new HttpClient({ connections: 64 });
  t.after(() => made.close());
  return made;
}

export type Paths = Readonly<Record<string, unknown>>;

export function document(paths: Paths, more: Readonly<Record<string, unknown>> = {}) {
  return { openapi: '3.1.0', info: { title: 't', version: '1' }, paths, ...more };
}

export interface ImportOptions extends Partial<FromOpenApiOptions> {
  readonly secrets?: Readonly<Record<string, string>>;
}

/** A document imported as `api`, External, with its remote at `baseUrl`. */
export async function imported(
  t: TestContext,
  source: unknown,
  { secrets, ...options }: ImportOptions = {},
): Promise<Imported> {
  const adapter = fromOpenAPI({
    namespace: 'api',
    source,
    baseUrl: 'http://127.0.0.1:9',
    visibility: 'external',
    client: client(t),
    ...options,
  });
  return published(t, adapter, 'api', secrets);
}

/** The members of its input. */
export function propertiesOf(api: Imported, name: string): Readonly<Record<string, unknown>> {
  return (specOf(api, name).input as { properties?: Record<string, unknown> }).properties ?? {};
}

/** The specification of an imported operation. */
export function specOf({ registry }: Imported, name: string) {
  const operation = registry.base.get(`api/${name}`)?.operation;
  if (operation === undefined) throw new Error(`api/${name} was not imported`);
  return operation;
}

export const ok = {
  responses: { 200: { description: 'ok', content: { 'application/json': { schema: {} } } } },
};

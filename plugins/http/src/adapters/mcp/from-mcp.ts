/**
 * `fromMCP`: the tools of an MCP server as leaves of the registry. `docs/spec/http.md` 17 and 20.
 *
 * @example
 * const adapter = fromMCP({ namespace: 'notes', endpoint: 'https://notes.example/mcp' });
 * const registrations = await adapter.import();
 *
 * @module
 */

import { Capabilities, type OperationContext } from '@alknet/sdk';
import { type Adapter, type CommonOptions, checkCommon, exposure, remoteOf, secretsOf } from '../adapter.ts';
import { chooser } from '../glob.ts';
import {
  type AuthConfig,
  type Credential,
  credentialHeader,
  credentialOf,
  credentialQuery,
  redact,
} from '../request/credential.ts';
import { mcpEndpoint } from './endpoint.ts';
import { importedTools } from './imported-tools.ts';
import { RemoteServer } from './remote-server.ts';
import { boundedFetch } from './request.ts';

export interface FromMcpOptions extends CommonOptions {
  /** URL; `https`, or `http` to a loopback address. */
  readonly endpoint?: string | undefined;
  readonly include?: readonly string[] | undefined;
  readonly exclude?: readonly string[] | undefined;
}

export interface McpAdapter extends Adapter {
  readonly kind: 'mcp';
  /** The server says that its tools are others now, or can no longer be heard; returns what ends that. */
  watch(changed: () => void): () => void;
  /** Calls that run go on. */
  close(): void;
}

/** @throws AdapterError `AdapterConfig` for options that can never import anything */
export function fromMCP(options: FromMcpOptions): McpAdapter {
  checkCommon(options);
  const { namespace, version = '0' } = options;
  const endpoint = mcpEndpoint(options);
  const { client, maxResponse, counted, timeout, headers, auth } = remoteOf(options, {
    origin: endpoint.origin,
    path: endpoint.pathname,
  });
  const credential = (capabilities: Capabilities | undefined): Credential | undefined =>
    credentialOf(auth, capabilities ?? heldFor(namespace, auth, options.capabilities?.()), namespace);
  let changed: (() => void) | undefined;
  const server = new RemoteServer({
    namespace,
    endpoint,
    version,
    timeout,
    fetch: boundedFetch({ client, maxResponse, counted }),
    authorize: (url, fields, capabilities) => {
      const secret = credential(capabilities);
      for (const [name, value] of headers) if (!fields.has(name)) fields.set(name, value);
      for (const [name, value] of credentialHeader(secret)) fields.set(name, value);
      fields.set('user-agent', 'alknet');
      const query = credentialQuery(secret).join('&');
      const target = new URL(url);
      if (query !== '') target.search = target.search === '' ? query : `${target.search}&${query}`;
      return target;
    },
    redact: (value, capabilities) =>
      redact(
        value,
        heldCredential(() => credential(capabilities)),
      ),
    onChange: () => changed?.(),
  });
  const chosen = chooser(options.include, options.exclude);
  return {
    kind: 'mcp',
    import: async (signal) =>
      importedTools(await server.tools(signal), namespace, chosen).map((tool) => ({
        operation: { ...tool.operation, ...exposure(options) },
        handler: (input: unknown, context: OperationContext) => server.call(tool, input, context),
        source: `${endpoint.origin}${endpoint.pathname}`,
        capabilities: secretsOf(options),
      })),
    watch: (listener) => {
      changed = listener;
      return () => {
        changed = undefined;
      };
    },
    close: () => server.close(),
  };
}

/** What a call has under the namespace, an import has under the name of the secret. */
function heldFor(namespace: string, { secret }: AuthConfig, held: Capabilities | undefined): Capabilities {
  const value = secret !== undefined && held?.has(secret) ? held.get(secret) : undefined;
  return value === undefined ? new Capabilities() : new Capabilities().withApiKey(namespace, value);
}

/** For words about a failure, which may be that there is none. */
function heldCredential(credential: () => Credential | undefined): Credential | undefined {
  try {
    return credential();
  } catch {
    return undefined;
  }
}

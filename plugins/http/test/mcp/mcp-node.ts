/** A real node that serves MCP, with operations to call, and stock clients to it. */

import type { TestContext } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Agent, fetch as undiciFetch } from 'undici';
import { makeToken, tokenHash } from '../../../../host/src/identity/index.ts';
import type { AlknetNode } from '../../../../host/src/node.ts';
import { nodeFolder, portOf } from '../../../../host/test/node-folder.ts';

export interface NodeOptions {
  /** Source text of plugins by name; the text is written as `<name>.ts`. */
  readonly plugins?: Readonly<Record<string, string>>;
  /** Of each plugin. */
  readonly grant?: unknown;
  /** Of the plugin http. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly httpGrant?: unknown;
  /** Stored secrets by name. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Of the clients; default HTTP/1.1. */
  readonly http2?: boolean;
}

export interface McpNode {
  readonly node: AlknetNode;
  /** `https://127.0.0.1:port` */
  readonly origin: string;
  /** What the node has logged, one JSON object a line. */
  log(): Record<string, unknown>[];
  /** Adds a peer with that token's scopes, or replaces its scopes. */
  grant(id: string, scopes: readonly string[]): Promise<string>;
  /** Another value of a stored secret. */
  secret(name: string, value: string): Promise<void>;
  /** Removes the peer. */
  revoke(id: string): Promise<void>;
  /** A new configuration of the plugin http. */
  configure(config: Readonly<Record<string, unknown>>): Promise<void>;
  /** Plugins as `NodeOptions.plugins`, in the place of those that were. */
  replacePlugins(plugins: Readonly<Record<string, string>>): Promise<void>;
  fetch: typeof globalThis.fetch;
  client(path: '/mcp' | '/mcp/gateway', token?: string): Promise<Client>;
  /** Resolves when the last client listens for what the node tells of itself. */
  listening(): Promise<void>;
}

export async function mcpNode(t: TestContext, options: NodeOptions = {}): Promise<McpNode> {
  const folder = await nodeFolder('mcp');
  for (const [name, value] of Object.entries(options.secrets ?? {})) await folder.secret(name, value);
  let plugins = options.plugins ?? {};
  let http = options.config ?? {};
  const write = async () => {
    for (const [name, source] of Object.entries(plugins)) await folder.plugin(name, source);
    const entries = Object.keys(plugins).map((name) => [
      name,
      { use: `./${name}.ts`, isolation: 'inline', grant: options.grant ?? {} },
    ]);
    await folder.configure({
      listen: { quic: false, tls: '127.0.0.1:0' },
      limits: { drain: '200ms' },
      plugins: {
        http: {
          isolation: 'inline',
          config: http,
          ...(options.httpGrant === undefined ? {} : { grant: options.httpGrant }),
        },
        ...Object.fromEntries(entries),
      },
    });
  };
  await write();
  const known = new Set(Object.keys(plugins));
  const node = await folder.start();
  const agent = new Agent({ allowH2: options.http2 ?? false, connect: { rejectUnauthorized: false } });
  const clients: Client[] = [];
  t.after(async () => {
    await Promise.all(clients.map((client) => client.close().catch(() => {})));
    await agent.destroy();
    await folder.remove();
  });
  const origin = `https://127.0.0.1:${portOf(node, 'tls')}`;
  // Two declarations of the same standard, of undici and of Node.
  const fetch = ((url: string, init: object) =>
    undiciFetch(url, { ...init, dispatcher: agent })) as unknown as typeof globalThis.fetch;
  const tokens = new Map<string, string>();
  let listening: Promise<void> = Promise.resolve();
  return {
    node,
    origin,
    fetch,
    log: () => folder.log.lines(),
    secret: (name, value) => folder.secret(name, value),
    async grant(id, scopes) {
      const token = tokens.get(id) ?? makeToken();
      tokens.set(id, token);
      await folder.admit({ id, scopes, tokenHash: tokenHash(token) });
      return token;
    },
    revoke: (id) => folder.forget(id),
    async configure(config) {
      http = config;
      await write();
      await node.reload();
    },
    async replacePlugins(next) {
      const before = folder.log.text.length;
      plugins = next;
      await write();
      await node.reload();
      // The watched file may have begun the reload already, which then goes on.
      const started = (name: string) =>
        folder.log.text
          .slice(before)
          .split('\n')
          .some((line) => line.includes(`"plugin":"${name}"`) && line.includes('plugin started'));
      const fresh = Object.keys(next).filter((name) => !known.has(name));
      for (const name of fresh) known.add(name);
      while (!fresh.every(started)) await folder.log.more();
    },
    listening: () => listening,
    async client(path, token) {
      const client = new Client({ name: 'test', version: '1.0.0' });
      let heard = () => {};
      listening = new Promise((resolve) => {
        heard = resolve;
      });
      const transport = new StreamableHTTPClientTransport(new URL(path, origin), {
        fetch: async (url, init) => {
          const response = await fetch(url, init);
          if (init?.method === 'GET') heard();
          return response;
        },
        ...(token === undefined ? {} : { requestInit: { headers: { Authorization: `Bearer ${token}` } } }),
      });
      clients.push(client);
      await client.connect(transport);
      return client;
    },
  };
}

/** A real node that serves MCP, with operations to call, and stock clients to it. */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import type { TestContext } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Agent, fetch as undiciFetch } from 'undici';
import { changePeers, makeToken, tokenHash } from '../../../../host/src/identity/index.ts';
import { type AlknetNode, startNode } from '../../../../host/src/node.ts';
import { createVaultFile, setSecret, unlockVault, Vault } from '../../../../host/src/vault/index.ts';

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
  const directory = await mkdtemp(join(tmpdir(), 'alknet-mcp-'));
  const dataDir = join(directory, 'data');
  await mkdir(dataDir, { mode: 0o700 });
  const vault = new Vault();
  vault.unlockNew();
  await createVaultFile(dataDir, vault, { kind: 'keyfile' });
  for (const [name, value] of Object.entries(options.secrets ?? {}))
    await setSecret(dataDir, vault, name, value, () => {});
  vault.lock();
  const configPath = join(directory, 'alknet.config.json');
  let plugins = options.plugins ?? {};
  let http = options.config ?? {};
  const write = async () => {
    for (const [name, source] of Object.entries(plugins)) {
      await writeFile(join(directory, `${name}.ts`), source);
    }
    const entries = Object.keys(plugins).map((name) => [
      name,
      { use: `./${name}.ts`, isolation: 'inline', grant: options.grant ?? {} },
    ]);
    await writeFile(
      configPath,
      JSON.stringify({
        dataDir,
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
      }),
    );
  };
  await write();
  const known = new Set(Object.keys(plugins));
  const logged: string[] = [];
  const logWaiters: ((value: unknown) => void)[] = [];
  const logStream = new Writable({
    write: (chunk, _encoding, done) => {
      logged.push(String(chunk));
      for (const wake of logWaiters.splice(0)) wake(undefined);
      done();
    },
  });
  const node = await startNode({ configPath, logStream });
  const agent = new Agent({ allowH2: options.http2 ?? false, connect: { rejectUnauthorized: false } });
  const clients: Client[] = [];
  t.after(async () => {
    await Promise.all(clients.map((client) => client.close().catch(() => {})));
    await agent.destroy();
    await node.stop();
    await rm(directory, { recursive: true, force: true });
  });
  const address = node.addresses.find(({ transport }) => transport === 'tls')?.address;
  if (address === undefined) throw new Error('the node has no listener of TLS');
  const origin = `https://127.0.0.1:${address.port}`;
  // Two declarations of the same standard, of undici and of Node.
  const fetch = ((url: string, init: object) =>
    undiciFetch(url, { ...init, dispatcher: agent })) as unknown as typeof globalThis.fetch;
  const tokens = new Map<string, string>();
  let listening: Promise<void> = Promise.resolve();
  return {
    node,
    origin,
    fetch,
    log: () =>
      logged
        .join('')
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line)),
    async secret(name, value) {
      const opened = await unlockVault({ dataDir, warn: () => {} });
      await setSecret(dataDir, opened, name, value, () => {});
      opened.lock();
      await node.reload();
    },
    async grant(id, scopes) {
      const token = tokens.get(id) ?? makeToken();
      tokens.set(id, token);
      await changePeers(dataDir, (entries) => [
        ...entries.filter((entry) => entry.id !== id),
        {
          id,
          fingerprints: [],
          tokenHash: tokenHash(token),
          scopes,
          resources: {},
          enabled: true,
          createdAt: new Date().toISOString(),
        },
      ]);
      await node.reload();
      return token;
    },
    async revoke(id) {
      await changePeers(dataDir, (entries) => entries.filter((entry) => entry.id !== id));
      await node.reload();
    },
    async configure(config) {
      http = config;
      await write();
      await node.reload();
    },
    async replacePlugins(next) {
      const before = logged.length;
      plugins = next;
      await write();
      await node.reload();
      // The watched file may have begun the reload already, which then goes on.
      const started = (name: string) =>
        logged
          .slice(before)
          .some((line) => line.includes(`"plugin":"${name}"`) && line.includes('plugin started'));
      const fresh = Object.keys(next).filter((name) => !known.has(name));
      for (const name of fresh) known.add(name);
      while (!fresh.every(started)) await new Promise((resolve) => logWaiters.push(resolve));
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

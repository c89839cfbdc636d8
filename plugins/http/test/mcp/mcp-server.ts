/** An MCP server of the library, whose answers a test decides, and one that only a test could want. */

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import {
  CallToolRequestSchema,
  type CallToolResult,
  ListToolsRequestSchema,
  type Tool,
} from '@modelcontextprotocol/sdk/types.js';

export interface ServedTools {
  /** By the cursor of the page; `undefined` for the first. */
  list(cursor: string | undefined): { tools: Tool[]; nextCursor?: string };
  call?(name: string, args: Record<string, unknown>, signal: AbortSignal): Promise<CallToolResult>;
}

export interface McpTestServer {
  readonly endpoint: string;
  /** Of each request, in order. */
  readonly headers: IncomingHttpHeaders[];
  /** Tells every client that the tools are others. */
  changed(): Promise<void>;
  /** As a server that was started anew: it knows no session. `status` is what it says of an unknown one. */
  forget(status: 400 | 404): void;
  /** Resolves when a client listens for changes. */
  readonly listening: Promise<void>;
  /** Sessions that were begun, and those that are open. */
  readonly sessions: number;
  readonly open: number;
}

export function tool(name: string, more: Partial<Tool> = {}): Tool {
  return { name, inputSchema: { type: 'object' }, ...more };
}

export async function mcpServer(t: TestContext, served: ServedTools): Promise<McpTestServer> {
  const sessions = new Map<string, { server: Server; transport: StreamableHTTPServerTransport }>();
  const headers: IncomingHttpHeaders[] = [];
  let unknown = 404;
  let begun = 0;
  let heard = () => {};
  const listening = new Promise<void>((resolve) => {
    heard = resolve;
  });
  const open = async () => {
    const server = new Server(
      { name: 'test', version: '1.0.0' },
      { capabilities: { tools: { listChanged: true } } },
    );
    server.setRequestHandler(ListToolsRequestSchema, ({ params }) => served.list(params?.cursor));
    server.setRequestHandler(CallToolRequestSchema, async ({ params }, { signal }) => {
      if (served.call === undefined) throw new Error('no tool is called here');
      return served.call(params.name, params.arguments ?? {}, signal);
    });
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (id) => {
        begun++;
        sessions.set(id, { server, transport });
      },
      onsessionclosed: (id) => {
        sessions.delete(id);
      },
    });
    await server.connect(transport);
    return transport;
  };
  const endpoint = await httpServer(t, async (request, response) => {
    headers.push(request.headers);
    const id = request.headers['mcp-session-id'];
    const known = typeof id === 'string' ? sessions.get(id) : undefined;
    if (id !== undefined && known === undefined) {
      response.writeHead(unknown).end('no such session');
      return;
    }
    const transport = known?.transport ?? (await open());
    const answered = transport.handleRequest(request, response);
    if (request.method === 'GET') heard();
    await answered;
  });
  return {
    endpoint,
    headers,
    listening,
    changed: async () => {
      await Promise.all([...sessions.values()].map(({ server }) => server.sendToolListChanged()));
    },
    forget: (status) => {
      unknown = status;
      for (const { server } of sessions.values()) void server.close();
      sessions.clear();
    },
    get sessions() {
      return begun;
    },
    get open() {
      return sessions.size;
    },
  };
}

/** The URL of a server that answers as the listener says. */
export async function httpServer(
  t: TestContext,
  listener: (request: IncomingMessage, response: ServerResponse) => unknown,
): Promise<string> {
  const server = createServer((request, response) => {
    Promise.resolve(listener(request, response)).catch((error) => response.destroy(error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return `http://127.0.0.1:${port}/mcp`;
}

interface Message {
  readonly id?: number;
  readonly method: string;
  readonly params?: { readonly cursor?: string; readonly arguments?: unknown };
}

/** A server that speaks JSON-RPC by hand: `answer` gives result or error of each request but `initialize`. */
export function rawMcpServer(
  t: TestContext,
  answer: (message: Message, response: ServerResponse) => unknown,
  get: (response: ServerResponse) => void = (response) => response.writeHead(405).end(),
): Promise<string> {
  return httpServer(t, async (request, response) => {
    if (request.method === 'GET') return get(response);
    if (request.method === 'DELETE') return response.writeHead(200).end();
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    const message = JSON.parse(body) as Message;
    if (message.id === undefined) return response.writeHead(202).end();
    if (message.method === 'initialize') {
      return reply(response, message, {
        protocolVersion: '2025-11-25',
        capabilities: { tools: { listChanged: true } },
        serverInfo: { name: 'raw', version: '1' },
      });
    }
    const result = await answer(message, response);
    if (result !== undefined) reply(response, message, result);
  });
}

function reply(response: ServerResponse, { id }: Message, result: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ jsonrpc: '2.0', id, result }));
}

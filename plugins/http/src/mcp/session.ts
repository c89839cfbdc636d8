/**
 * One session of MCP: the library's server and transport around a {@link ToolServer}. `docs/spec/http.md` 21.
 *
 * @module
 */

import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { CallError, type Log } from '@alknet/sdk';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { errorResult } from './results.ts';
import type { ServerSdk } from './server-sdk.ts';
import type { Caller, ToolServer } from './tool-server.ts';

export interface SessionParts {
  readonly sdk: ServerSdk;
  readonly tools: ToolServer;
  /** Whether the list of tools may change. */
  readonly listChanges: boolean;
  readonly version: string;
  readonly log: Log;
  /** Milliseconds between comments on a silent stream. */
  readonly heartbeat: number;
  /** Calls that may run at the same time. */
  readonly calls: () => number;
  /** The session has begun: `initialize` was understood. */
  onBegin(session: McpSession): void;
  /** The client has ended it. */
  onEnd(session: McpSession): void;
}

type Server = InstanceType<ServerSdk['Server']>;
type Transport = InstanceType<ServerSdk['WebStandardStreamableHTTPServerTransport']>;

export class McpSession {
  readonly id = randomUUID();
  readonly #parts: SessionParts;
  readonly #server: Server;
  readonly #transport: Transport;
  /** The request of HTTP that a message came in, for the handlers that it leads to. */
  readonly #caller = new AsyncLocalStorage<Caller>();
  /** By id of the JSON-RPC request. */
  readonly #running = new Map<string | number, AbortController>();

  private constructor(parts: SessionParts) {
    const { sdk } = parts;
    this.#parts = parts;
    this.#server = new sdk.Server(
      { name: 'alknet', version: parts.version },
      {
        capabilities: { tools: parts.listChanges ? { listChanged: true } : {} },
        // Only for elicitation, which this server never asks for: the default would cost each session a validator.
        jsonSchemaValidator: noValidator,
      },
    );
    this.#transport = new sdk.WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => this.id,
      onsessioninitialized: () => parts.onBegin(this),
      onsessionclosed: () => parts.onEnd(this),
      keepAliveMs: parts.heartbeat,
    });
    this.#server.onerror = (error) => parts.log.debug('MCP session', { session: this.id, error });
    this.#handle();
  }

  static async open(parts: SessionParts): Promise<McpSession> {
    const session = new McpSession(parts);
    await session.#server.connect(session.#transport);
    return session;
  }

  /** `body` is the parsed JSON of a POST. */
  respond(request: Request, body: unknown, caller: Caller): Promise<Response> {
    return this.#caller.run(caller, () =>
      this.#transport.handleRequest(request, body === undefined ? {} : { parsedBody: body }),
    );
  }

  async toolsChanged(): Promise<void> {
    await this.#server.sendToolListChanged();
  }

  /** Ends the stream on which the client waits for changes; it may open another one. */
  endStream(): void {
    this.#transport.closeStandaloneSSEStream();
  }

  /** Aborts what runs, and ends all streams. */
  close(): void {
    void this.#server.close();
  }

  #handle(): void {
    const { sdk, tools } = this.#parts;
    this.#server.setRequestHandler(sdk.ListToolsRequestSchema, ({ params }) => {
      const page = tools.list(this.#current(), params?.cursor);
      if (page !== undefined) return page;
      throw new sdk.McpError(sdk.ErrorCode.InvalidParams, 'the cursor is not one of an earlier answer');
    });
    this.#server.setRequestHandler(sdk.CallToolRequestSchema, ({ params }, extra) =>
      this.#whileRunning(extra.requestId, extra.signal, (signal) =>
        tools.call(this.#current(), {
          name: params.name,
          args: params.arguments ?? {},
          signal,
          progressToken: params._meta?.progressToken,
          notify: (progressToken, progress, message) =>
            extra.sendNotification({
              method: 'notifications/progress',
              params: { progressToken, progress, message },
            }),
        }),
      ),
    );
    // The library's own handler overlooks the request id 0, and leaves the stream open for an answer that never comes.
    this.#server.setNotificationHandler(sdk.CancelledNotificationSchema, ({ params: { requestId } }) => {
      const running = requestId === undefined ? undefined : this.#running.get(requestId);
      if (requestId === undefined || running === undefined) return;
      this.#transport.closeSSEStream(requestId);
      running.abort(new CallError('ABORTED', 'cancelled by the client'));
    });
  }

  /** A call ends by `notifications/cancelled`, when its client leaves, and with the session. */
  async #whileRunning(
    id: string | number,
    session: AbortSignal,
    run: (signal: AbortSignal) => Promise<CallToolResult>,
  ): Promise<CallToolResult> {
    if (this.#running.size >= this.#parts.calls()) {
      const message = `${this.#running.size} calls of this session are running: wait for one of them`;
      return errorResult(new CallError('INTERNAL', message, { retryable: true }), false);
    }
    const cancelled = new AbortController();
    this.#running.set(id, cancelled);
    try {
      return await run(AbortSignal.any([cancelled.signal, session, this.#current().signal]));
    } finally {
      if (this.#running.get(id) === cancelled) this.#running.delete(id);
    }
  }

  #current(): Caller {
    const caller = this.#caller.getStore();
    if (caller === undefined) throw new Error('a message of MCP came in no request');
    return caller;
  }
}

const noValidator = {
  getValidator: () => () => {
    throw new Error('this server validates nothing of its clients');
  },
};

/**
 * One connection to an MCP server: a session of streamable HTTP by the library's client. `docs/spec/http.md` 20.
 *
 * @module
 */

import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Capabilities } from '@alknet/sdk';
import type { ClientSdk } from './client-sdk.ts';
import { type Fetch, RefusedAnswer } from './request.ts';

export interface ConnectionOptions {
  readonly sdk: ClientSdk;
  readonly endpoint: URL;
  /** Of the node; it is told to the server. */
  readonly version: string;
  readonly fetch: Fetch;
  /** The request with headers and credential; `capabilities` are a call's own, or none outside of calls. */
  readonly authorize: (url: URL, headers: Headers, capabilities: Capabilities | undefined) => URL;
  /** Milliseconds that the server has for `initialize` and for a page of tools. */
  readonly timeout: number;
  /** The server says that its tools are others now. */
  readonly onToolsChanged: () => void;
  /** Notifications come no more. */
  readonly onLost: () => void;
}

export interface CallOptions {
  readonly signal: AbortSignal;
  /** Milliseconds; `undefined` for none. */
  readonly timeout: number | undefined;
  readonly capabilities: Capabilities;
}

/** A call whose requests are being made. */
interface Running {
  readonly signal: AbortSignal;
  readonly capabilities: Capabilities;
  /** Aborted when no answer can come any more; the library would wait for it. */
  readonly broken: AbortController;
  /** The server can go on with the answer on another stream. */
  resumable: boolean;
}

type Client = InstanceType<ClientSdk['Client']>;
type Transport = InstanceType<ClientSdk['StreamableHTTPClientTransport']>;
type Result = Record<string, unknown>;

/** Answers that we owe the server at the same time; what it asks beyond that is left unanswered. */
const maxAnswers = 16;
const reconnections = {
  initialReconnectionDelay: 1000,
  maxReconnectionDelay: 30_000,
  reconnectionDelayGrowFactor: 2,
  maxRetries: 5,
};
/** The longest that a timer of Node takes, in milliseconds. */
const never = 2 ** 31 - 1;
/** Milliseconds that a server has to hear that its session is over. */
const farewell = 1000;

export class McpConnection {
  readonly #options: ConnectionOptions;
  readonly #client: Client;
  readonly #transport: Transport;
  readonly #running = new AsyncLocalStorage<Running>();
  #answers = 0;

  private constructor(options: ConnectionOptions) {
    const { sdk, endpoint, version } = options;
    this.#options = options;
    this.#client = new sdk.Client(
      { name: 'alknet-from-mcp', version },
      { capabilities: {}, jsonSchemaValidator: noValidator },
    );
    this.#client.setNotificationHandler(sdk.ToolListChangedNotificationSchema, options.onToolsChanged);
    this.#transport = new sdk.StreamableHTTPClientTransport(endpoint, {
      fetch: (url, init) => this.#fetch(url, init),
      reconnectionOptions: reconnections,
    });
    this.#guardSending();
    this.#transport.onerror = (error) => {
      if (!/Maximum reconnection attempts/.test(error.message)) return;
      const running = this.#running.getStore();
      if (running === undefined) options.onLost();
      else running.broken.abort(cutShort());
    };
  }

  /** @throws what the library throws */
  static async open(options: ConnectionOptions): Promise<McpConnection> {
    const connection = new McpConnection(options);
    const { timeout } = options;
    try {
      await connection.#client.connect(connection.#transport, { timeout });
    } catch (error) {
      await connection.#client.close();
      throw error;
    }
    return connection;
  }

  /** One page, as it came. */
  listTools(cursor: string | undefined, signal: AbortSignal): Promise<Result> {
    const { sdk, timeout } = this.#options;
    const params = cursor === undefined ? {} : { cursor };
    return this.#client.request({ method: 'tools/list', params }, sdk.ResultSchema, { timeout, signal });
  }

  /** The result, as it came. */
  async callTool(
    name: string,
    args: Result,
    { signal, timeout = never, capabilities }: CallOptions,
  ): Promise<Result> {
    const request = { method: 'tools/call' as const, params: { name, arguments: args } };
    const broken = new AbortController();
    const either = AbortSignal.any([signal, broken.signal]);
    const running: Running = { signal: either, capabilities, broken, resumable: false };
    try {
      return await this.#running.run(running, () =>
        this.#client.request(request, this.#options.sdk.ResultSchema, {
          signal: either,
          timeout: Math.max(1, Math.min(timeout, never)),
          onresumptiontoken: () => {
            running.resumable = true;
          },
        }),
      );
    } catch (error) {
      throw broken.signal.aborted && !signal.aborted ? broken.signal.reason : error;
    }
  }

  /** With a word to the server, which may then forget the session. */
  async leave(): Promise<void> {
    const late = delay(farewell, undefined, { ref: false });
    await Promise.race([late, this.#transport.terminateSession().catch(() => {})]);
    await this.close();
  }

  /** Ends all requests. */
  async close(): Promise<void> {
    await this.#client.close();
  }

  #guardSending(): void {
    const send = this.#transport.send.bind(this.#transport);
    this.#transport.send = async (message, options) => {
      const messages = Array.isArray(message) ? message : [message];
      // Only a call's own request ends with the call: the word that it was cancelled must still go out.
      if (messages.every((each) => 'method' in each && each.method === 'tools/call'))
        return send(message, options);
      if (messages.every((each) => 'method' in each)) return this.#running.exit(() => send(message, options));
      if (this.#answers >= maxAnswers) throw new Error('the server asks more than it is answered');
      this.#answers++;
      try {
        await this.#running.exit(() => send(message, options));
      } finally {
        this.#answers--;
      }
    };
  }

  #fetch(url: string | URL, init: RequestInit = {}): Promise<Response> {
    const running = this.#running.getStore();
    const headers = new Headers(init.headers);
    const target = this.#options.authorize(new URL(url), headers, running?.capabilities);
    const signals = [init.signal, running?.signal].filter((signal) => signal instanceof AbortSignal);
    const request = { ...init, headers, signal: AbortSignal.any(signals) };
    return this.#options.fetch(target, request, (error) => {
      if (running === undefined || (running.resumable && !(error instanceof RefusedAnswer))) return;
      // The library reads what has come in the turns of promises, which are over by then.
      setImmediate(() => running.broken.abort(error ?? cutShort()));
    });
  }
}

function cutShort(): RefusedAnswer {
  return new RefusedAnswer('the connection ended before the answer');
}

const noValidator = {
  getValidator: () => () => {
    throw new Error('outputs are held against their schemas by the registry');
  },
};

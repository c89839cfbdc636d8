/**
 * Requests of MCP to their sessions.
 *
 * @module
 */

import { CallError, type Gateway, type Log } from '@alknet/sdk';
import type { RequestContext } from '../request-context.ts';
import type { StreamGauge } from '../surface.ts';
import { isRecord } from './content-blocks.ts';
import { whenOver } from './response-end.ts';
import { loadServerSdk } from './server-sdk.ts';
import { McpSession } from './session.ts';
import { type Entry, SessionTable } from './session-table.ts';
import { type McpSurface, ToolServer } from './tool-server.ts';

export interface EndpointParts {
  readonly log: Log;
  /** Of the node. */
  readonly version: string;
  /** Milliseconds between comments on a silent stream. */
  readonly heartbeat: () => number;
  /** Bytes of JSON that the items of one subscription may have together. */
  readonly maxBytes: () => number;
  /** Calls that one session may run at the same time. */
  readonly calls: () => number;
  readonly streams: StreamGauge;
  readonly sessions?: number;
  /** Milliseconds. */
  readonly idle?: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
}

type Context = Pick<RequestContext, 'identity' | 'gateway' | 'requestId' | 'signal' | 'token' | 'config'>;

const maxSessions = 1000;
/** Milliseconds. */
const idleEnd = 3_600_000;
const sweepEvery = 60_000;

/** Made once: an abort without a reason makes an exception with a stack, for each request. */
const answered = new CallError('ABORTED', 'the request is over');

interface Owned {
  readonly surface: McpSurface;
  readonly session: McpSession;
}

export class McpEndpoint {
  readonly #parts: EndpointParts;
  readonly #now: () => number;
  readonly #sessions: SessionTable<Owned>;
  readonly #tools: Readonly<Record<McpSurface, ToolServer>>;
  readonly #sweep: NodeJS.Timeout;

  constructor(parts: EndpointParts) {
    this.#parts = parts;
    this.#now = parts.now ?? (() => performance.now());
    const limits = { sessions: parts.sessions ?? maxSessions, idle: parts.idle ?? idleEnd };
    this.#sessions = new SessionTable(limits, ({ session }) => session.close());
    const { log, maxBytes } = parts;
    const told = new Set<string>();
    const tools = (surface: McpSurface) => new ToolServer({ surface, log, maxBytes, told });
    this.#tools = { operations: tools('operations'), gateway: tools('gateway') };
    this.#sweep = setInterval(() => this.#sessions.sweep(this.#now()), sweepEvery);
    this.#sweep.unref();
  }

  /** `body` is the JSON of a POST. */
  async respond(surface: McpSurface, request: Request, body: unknown, context: Context): Promise<Response> {
    const id = request.headers.get('mcp-session-id');
    if (id === null && isInitialize(body)) return this.#begin(surface, request, body, context);
    if (id === null) return jsonRpcError(400, -32000, 'Bad Request: Mcp-Session-Id header is required');
    const entry = this.#sessions.find(id, owner(context), this.#now());
    if (entry === undefined || entry.session.surface !== surface)
      return jsonRpcError(404, -32001, 'Session not found');
    return this.#serve(entry, request, body, context);
  }

  /** Clients that wait for changes are let go; running calls go on. */
  drain(): void {
    for (const { session } of this.#sessions.all()) session.endStream();
  }

  stop(): void {
    clearInterval(this.#sweep);
    this.#sessions.clear();
  }

  async #begin(surface: McpSurface, request: Request, body: unknown, context: Context): Promise<Response> {
    const { log, version, heartbeat, calls } = this.#parts;
    const session = await McpSession.open({
      sdk: await loadServerSdk(),
      tools: this.#tools[surface],
      listChanges: surface === 'operations',
      version,
      log,
      heartbeat: heartbeat(),
      calls,
      onBegin: (begun) =>
        this.#sessions.add(begun.id, { surface, session: begun }, owner(context), this.#now()),
      onEnd: (ended) => this.#sessions.remove(ended.id),
    });
    const entry = { session: { surface, session }, owner: owner(context), open: 0, lastUsed: this.#now() };
    const response = await this.#serve(entry, request, body, context);
    if (!response.ok) session.close();
    return response;
  }

  async #serve(entry: Entry<Owned>, request: Request, body: unknown, context: Context): Promise<Response> {
    const { session, surface } = entry.session;
    const left = new AbortController();
    const signal = AbortSignal.any([context.signal, left.signal]);
    const caller = {
      gateway: context.gateway,
      signal,
      authToken: context.token,
      requestId: Array.isArray(body) ? undefined : context.requestId,
      maxTools: context.config.mcp?.maxTools ?? 0,
    };
    const { streams } = this.#parts;
    entry.open++;
    streams.add();
    entry.lastUsed = this.#now();
    const over = () => {
      entry.open--;
      streams.remove();
      entry.lastUsed = this.#now();
      left.abort(answered);
    };
    let response: Response;
    try {
      response = await session.respond(request, body, caller);
    } catch (error) {
      over();
      throw error;
    }
    if (request.method === 'GET' && response.ok && surface === 'operations')
      void this.#tellChanges(session, context.gateway, signal);
    const answer = whenOver(response, context.signal, over);
    if (isRecord(body) && body['method'] === 'tools/call')
      answer.headers.set('x-request-id', context.requestId);
    return answer;
  }

  /** As long as the client listens: what it may call has changed. */
  async #tellChanges(session: McpSession, gateway: Gateway, signal: AbortSignal): Promise<void> {
    try {
      let first = true;
      for await (const _change of gateway.subscribe('services/watch', {}, { signal })) {
        if (!first) await session.toolsChanged();
        first = false;
      }
    } catch (error) {
      if (!signal.aborted) this.#parts.log.debug('MCP client is told no changes', { error });
    }
  }
}

function owner({ identity }: Context): string | null {
  return identity?.id ?? null;
}

function isInitialize(body: unknown): boolean {
  return isRecord(body) && body['method'] === 'initialize';
}

function jsonRpcError(status: number, code: number, message: string): Response {
  return Response.json({ jsonrpc: '2.0', error: { code, message }, id: null }, { status });
}

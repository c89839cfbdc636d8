/**
 * The MCP server behind one namespace, and the connection to it, made anew when it is lost. `docs/spec/http.md` 20.
 *
 * @module
 */

import { CallError, type Capabilities, type OperationContext } from '@alknet/sdk';
import { isRecord } from '../../mcp/content-blocks.ts';
import { jsonText } from '../../mcp/results.ts';
import { type ClientSdk, loadClientSdk } from './client-sdk.ts';
import { type ConnectionOptions, McpConnection } from './connection.ts';
import { callFailure, importFailure, isForgotten, isLost } from './failure.ts';
import type { ImportedTool } from './imported-tools.ts';
import { listTools } from './list-tools.ts';
import { toolOutput } from './tool-result.ts';

export interface RemoteServerOptions
  extends Pick<ConnectionOptions, 'endpoint' | 'version' | 'fetch' | 'authorize'> {
  readonly namespace: string;
  /** Takes the credential out of what goes into an error. */
  readonly redact: <Value>(value: Value, capabilities: Capabilities | undefined) => Value;
  /** Milliseconds for one request, besides the deadline of the call. */
  readonly timeout: number | undefined;
  /** Another import would give something else. */
  readonly onChange: () => void;
}

/** Milliseconds for one request of an import, where no `timeout` is configured. */
const requestTime = 30_000;
/** Milliseconds for a whole import. */
const importTime = 120_000;

export class RemoteServer {
  readonly #options: RemoteServerOptions;
  #connection: Promise<McpConnection> | undefined;
  #busy = 0;
  #closed = false;

  constructor(options: RemoteServerOptions) {
    this.#options = options;
  }

  /** Of all pages, as they came. @throws AdapterError */
  async tools(signal: AbortSignal | undefined): Promise<unknown[]> {
    const { namespace, endpoint, redact } = this.#options;
    const sdk = await loadClientSdk();
    const limit = AbortSignal.timeout(importTime);
    const either = signal === undefined ? limit : AbortSignal.any([signal, limit]);
    const place = `${namespace}: ${endpoint.origin}${endpoint.pathname}`;
    try {
      return await this.#with(sdk, either, (connection) => listTools(connection, place, either));
    } catch (error) {
      const failure = importFailure(error, place, sdk);
      failure.message = redact(failure.message, undefined);
      throw failure;
    }
  }

  /** @throws CallError */
  async call(tool: ImportedTool, input: unknown, context: OperationContext): Promise<unknown> {
    const { signal, capabilities, deadline } = context;
    const sdk = await loadClientSdk();
    const left = deadline === undefined ? undefined : deadline - performance.now();
    const timeout = shorter(left, this.#options.timeout);
    // Bytes and big integers as JSON has them.
    const args: unknown = JSON.parse(jsonText(isRecord(input) ? input : { value: input }));
    try {
      const result = await this.#with(sdk, signal, (connection) =>
        connection.callTool(tool.tool, isRecord(args) ? args : {}, { signal, timeout, capabilities }),
      );
      return toolOutput(result, tool);
    } catch (error) {
      const { code, message, retryable, details } = callFailure(
        error,
        this.#options.endpoint.host,
        signal,
        sdk,
      );
      const redacted = this.#options.redact({ message, details }, capabilities);
      throw new CallError(code, redacted.message, { retryable, details: redacted.details, cause: error });
    }
  }

  /** The connection ends with the last call that runs. */
  close(): void {
    this.#closed = true;
    this.#leaveWhenIdle();
  }

  /** On the connection that is there; once more on a new one when the server no longer knows its session. */
  async #with<Result>(
    sdk: ClientSdk,
    signal: AbortSignal,
    work: (connection: McpConnection) => Promise<Result>,
  ): Promise<Result> {
    this.#busy++;
    try {
      const there = this.#connection;
      const connection = await this.#connected(sdk, signal);
      try {
        return await work(connection);
      } catch (error) {
        if (signal.aborted || !isLost(error, sdk)) throw error;
        await this.#drop(connection);
        if (there === undefined || !isForgotten(error, sdk)) throw error;
        return await work(await this.#connected(sdk, signal));
      }
    } finally {
      this.#busy--;
      if (this.#closed) this.#leaveWhenIdle();
    }
  }

  #connected(sdk: ClientSdk, signal: AbortSignal): Promise<McpConnection> {
    if (this.#connection === undefined) {
      const opening = this.#open(sdk);
      this.#connection = opening;
      opening.catch(() => {
        if (this.#connection === opening) this.#connection = undefined;
      });
    }
    return until(this.#connection, signal);
  }

  /** Others may wait for the same connection: it does not end with the call that wanted it first. */
  async #open(sdk: ClientSdk): Promise<McpConnection> {
    const { timeout = requestTime, onChange, ...options } = this.#options;
    const connection = await McpConnection.open({
      ...options,
      sdk,
      timeout,
      onToolsChanged: onChange,
      onLost: () => {
        void this.#drop(connection);
        // Nobody would tell of a change any more; an import makes a new connection.
        onChange();
      },
    });
    return connection;
  }

  async #drop(which: McpConnection): Promise<void> {
    if ((await this.#connection?.catch(() => undefined)) !== which) return;
    this.#connection = undefined;
    await which.close();
  }

  #leaveWhenIdle(): void {
    if (this.#busy > 0) return;
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.then((open) => open.leave()).catch(() => {});
  }
}

function shorter(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}

/** What the work gives, unless the signal comes first; the work goes on for others. */
function until<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

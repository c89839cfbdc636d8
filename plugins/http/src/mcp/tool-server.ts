/**
 * What a session answers: `tools/list` and `tools/call`, as the caller of each request. `docs/spec/http.md` 21.
 *
 * @module
 */

import { CallError, type Gateway, type Log } from '@alknet/sdk';
import type {
  CallToolResult,
  ListToolsResult,
  ProgressToken,
  Tool,
} from '@modelcontextprotocol/sdk/types.js';
import { type CallParts, callOperation } from './call-operation.ts';
import { gatewayTools, runGatewayTool } from './gateway-tools.ts';
import { errorResult } from './results.ts';
import { takeItems } from './take-items.ts';
import type { OperationTool } from './tool.ts';
import { type ToolSet, ToolSets, toolPage } from './tool-list.ts';

export type McpSurface = 'operations' | 'gateway';

/** The request of HTTP that a message of MCP came in. */
export interface Caller {
  readonly gateway: Gateway;
  /** Aborted when the client has left. */
  readonly signal: AbortSignal;
  /** The bearer token of the request: a call ends with it. */
  readonly authToken: string | undefined;
  /** Of the one call that the request makes; `undefined` when it may make several. */
  readonly requestId: string | undefined;
  /** More operations than this are not shown as tools. */
  readonly maxTools: number;
}

export interface ToolCall {
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** Aborted by `notifications/cancelled` as well. */
  readonly signal: AbortSignal;
  readonly progressToken: ProgressToken | undefined;
  notify(progressToken: ProgressToken, progress: number, message: string): Promise<void>;
}

export interface ToolServerParts {
  readonly surface: McpSurface;
  readonly log: Log;
  /** Bytes of JSON that the items of one subscription may have together. */
  readonly maxBytes: () => number;
  /** Operations that have been told to be no tools. */
  readonly told: Set<string>;
}

export class ToolServer {
  readonly #parts: ToolServerParts;
  readonly #sets = new ToolSets();

  constructor(parts: ToolServerParts) {
    this.#parts = parts;
  }

  /** `undefined` for a cursor that is none of ours. */
  list(caller: Caller, cursor: string | undefined): ListToolsResult | undefined {
    const page = toolPage(this.#definitions(caller), cursor);
    return page && { ...page };
  }

  #definitions(caller: Caller): readonly Tool[] {
    const set = this.#set(caller);
    return set === undefined ? gatewayTools : [...set.tools.values()].map(({ definition }) => definition);
  }

  /** `undefined` where the four tools of the gateway stand for all. */
  #set({ gateway, maxTools }: Caller): ToolSet | undefined {
    if (this.#parts.surface === 'gateway') return undefined;
    const set = this.#sets.of(gateway.list());
    for (const [name, reason] of set.leftOut) this.#tell(name, reason);
    return set.tools.size > maxTools ? undefined : set;
  }

  #tell(operation: string, reason: string): void {
    const { told, log } = this.#parts;
    if (told.has(operation)) return;
    told.add(operation);
    log.warn('operation is no MCP tool: call it by /mcp/gateway', { operation, reason });
  }

  /** Errors of the call are results. */
  async call(caller: Caller, call: ToolCall): Promise<CallToolResult> {
    const set = this.#set(caller);
    const tool = set?.tools.get(call.name);
    try {
      if (set === undefined) {
        return await runGatewayTool(call.name, call.args, partsOf(caller, call.signal));
      }
      if (tool === undefined) throw new CallError('NOT_FOUND', `tool not found: ${call.name}`);
      return await this.#run(caller, tool, call);
    } catch (error) {
      return errorResult(this.#callError(error, call.name), tool?.definition.outputSchema === undefined);
    }
  }

  async #run(caller: Caller, tool: OperationTool, call: ToolCall): Promise<CallToolResult> {
    const { args, progressToken } = call;
    const parts = partsOf(caller, call.signal);
    if (tool.operation.type !== 'subscription')
      return tool.result(await callOperation(tool.operation.name, tool.input(args), parts));
    const taken = await takeItems(tool, args, {
      ...parts,
      maxBytes: this.#parts.maxBytes(),
      onItem: async (count, text) => {
        if (progressToken !== undefined) await call.notify(progressToken, count, text);
      },
    });
    return tool.result(taken);
  }

  #callError(error: unknown, tool: string): CallError {
    if (error instanceof CallError) return error;
    this.#parts.log.error('tool failed', { tool, error });
    return new CallError('INTERNAL', 'internal error');
  }
}

function partsOf({ gateway, authToken, requestId }: Caller, signal: AbortSignal): CallParts {
  return { gateway, authToken, requestId, signal };
}

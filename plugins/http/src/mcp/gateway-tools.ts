/**
 * The four tools of `/mcp/gateway`, the same for every caller and every registry. They tell no output schema, so that an
 * error can be structured content too. `docs/spec/http.md` 21.
 *
 * @module
 */

import { CallError, type Gateway, type OperationSpec } from '@alknet/sdk';
import type { CallToolResult, Tool } from '@modelcontextprotocol/sdk/types.js';
import { errorBody } from '../answers.ts';
import { type CallParts, callOperation, callOptions } from './call-operation.ts';
import { isRecord } from './content-blocks.ts';
import { jsonText, structuredResult } from './results.ts';
import { cursorAfter, nameOf } from './tool-list.ts';

type Args = Readonly<Record<string, unknown>>;
type Run = (args: Args, parts: CallParts) => Promise<CallToolResult>;

/** Operations a page of `search`. */
const pageSize = 100;
/** Characters of a query. */
const maxQuery = 256;
/** Calls of one `batch`. */
const maxBatch = 100;

const text = (description: string) => ({ type: 'string', description });
const call = {
  type: 'object' as const,
  properties: {
    operation: text('name of the operation, as search shows it'),
    input: { description: 'what the input schema of the operation asks for; {} when absent' },
  },
  required: ['operation'],
};

const tools: readonly (Tool & { readonly run: Run })[] = [
  {
    name: 'search',
    title: 'Find operations',
    description:
      'Lists the operations of this node that you may call. Each word of the query must stand in name or description.',
    inputSchema: {
      type: 'object',
      properties: {
        query: { ...text('words to find; all operations when absent'), maxLength: maxQuery },
        cursor: text('next_cursor of an earlier answer'),
      },
    },
    annotations: { readOnlyHint: true },
    run: async (args, { gateway }) => structuredResult(search(args, gateway)),
  },
  {
    name: 'schema',
    title: 'Describe an operation',
    description: 'Gives the schemas of input, output and errors of one operation, and who may call it.',
    inputSchema: { type: 'object', properties: { name: call.properties.operation }, required: ['name'] },
    annotations: { readOnlyHint: true },
    run: async (args, parts) => {
      const name = textOf(args, 'name');
      const schema = await parts.gateway.call('services/schema', { name }, callOptions(parts));
      return structuredResult(isRecord(schema) ? schema : {});
    },
  },
  {
    name: 'call',
    title: 'Call an operation',
    description: 'Calls one operation and gives its output. Look at its schema first.',
    inputSchema: call,
    run: async (args, parts) => {
      const output = await callOperation(textOf(args, 'operation'), args['input'], parts);
      return structuredResult({ output: output ?? null });
    },
  },
  {
    name: 'batch',
    title: 'Call several operations',
    description: 'Calls operations one after the other; one that fails leaves the others alone.',
    inputSchema: {
      type: 'object',
      properties: { calls: { type: 'array', items: call, maxItems: maxBatch } },
      required: ['calls'],
    },
    run: async (args, parts) => structuredResult({ results: await batch(args, parts) }),
  },
];

export const gatewayTools: readonly Tool[] = tools.map(({ run: _run, ...tool }) => tool);

const runs: ReadonlyMap<string, Run> = new Map(tools.map(({ name, run }) => [name, run]));

/** @throws CallError */
export async function runGatewayTool(name: string, args: Args, parts: CallParts): Promise<CallToolResult> {
  const run = runs.get(name);
  if (run === undefined) throw new CallError('NOT_FOUND', `tool not found: ${name}`);
  return run(args, parts);
}

/** @throws CallError `INVALID_INPUT` */
export function textOf(args: Args, name: string): string {
  const value = args[name];
  if (typeof value === 'string') return value;
  throw new CallError('INVALID_INPUT', `expected the argument ${name} to be text, got ${kindOf(value)}`);
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : `a value of type ${typeof value}`;
}

function search(args: Args, gateway: Gateway): Record<string, unknown> {
  const query = args['query'] === undefined ? '' : textOf(args, 'query');
  if (query.length > maxQuery)
    throw new CallError(
      'INVALID_INPUT',
      `expected query to be at most ${maxQuery} characters, got ${query.length}`,
    );
  const after = args['cursor'] === undefined ? '' : nameOf(textOf(args, 'cursor'));
  if (after === undefined) throw new CallError('INVALID_INPUT', 'cursor is not one of an earlier answer');
  const words = query
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  const found = gateway
    .list()
    .filter(({ name, type }) => type !== 'subscription' && name > after)
    .filter(({ name, description = '' }) => {
      const searched = `${name}\n${description}`.toLowerCase();
      return words.every((word) => searched.includes(word));
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const page = found.slice(0, pageSize);
  const last = page.at(-1);
  return {
    operations: page.map((operation) => ({ name: operation.name, description: summary(operation) })),
    ...(last === undefined || found.length === page.length ? {} : { next_cursor: cursorAfter(last.name) }),
  };
}

/** The first sentence, as lists show it. */
function summary({ name, type, description = '' }: OperationSpec): string {
  if (description === '') return `${type} ${name}`;
  return /^[\s\S]*?[.!?](?=\s|$)/.exec(description)?.[0] ?? description;
}

async function batch(args: Args, parts: CallParts): Promise<unknown[]> {
  const { calls } = args;
  if (!Array.isArray(calls))
    throw new CallError('INVALID_INPUT', `expected the argument calls to be a list, got ${kindOf(calls)}`);
  if (calls.length > maxBatch)
    throw new CallError('INVALID_INPUT', `expected at most ${maxBatch} calls, got ${calls.length}`);
  const results: unknown[] = [];
  for (const each of calls) {
    if (parts.signal.aborted) break;
    results.push(await item(each, { ...parts, requestId: undefined }));
  }
  return results;
}

async function item(each: unknown, parts: CallParts): Promise<Record<string, unknown>> {
  try {
    if (!isRecord(each))
      throw new CallError('INVALID_INPUT', `expected { operation, input? }, got ${kindOf(each)}`);
    const output = await callOperation(textOf(each, 'operation'), each['input'], parts);
    // One output without JSON text must not take those of the others with it.
    jsonText(output);
    return { isError: false, output: output ?? null };
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    return { isError: true, error: errorBody(error) };
  }
}

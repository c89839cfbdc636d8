/**
 * An operation as a tool. `docs/spec/http.md` 21. Pure.
 *
 * @module
 */

import { CallError, compileSchema, type OperationSpec } from '@alknet/sdk';
import type { CallToolResult, Tool } from '@modelcontextprotocol/sdk/types.js';
import { isContentBlocks, isRecord } from './content-blocks.ts';
import {
  asObject,
  type JsonSchema,
  type ObjectSchema,
  plainSchema,
  rebased,
  wrapped,
} from './object-schema.ts';
import { contentResult, structuredResult } from './results.ts';

/** Longer names are refused by common clients. */
const maxToolName = 64;

/** How many items of a subscription a call takes, and for how long. */
export const itemLimits = { items: 20, maxItems: 1000, timeoutMs: 10_000, maxTimeoutMs: 300_000 } as const;

export interface OperationTool {
  readonly operation: OperationSpec;
  readonly definition: Tool;
  /** The operation's input of the tool's arguments. */
  input(args: Readonly<Record<string, unknown>>): unknown;
  /** The result of the operation's output. Not for subscriptions. @throws CallError */
  result(output: unknown): CallToolResult;
}

/** `undefined` when the name is too long for a tool. */
export function toolName(operation: string): string | undefined {
  return operation.length > maxToolName ? undefined : operation.replaceAll('/', '_');
}

const made = new WeakMap<OperationSpec, OperationTool>();

/** Of an operation whose name is short enough; made once for each. */
export function toolOf(operation: OperationSpec): OperationTool {
  const known = made.get(operation);
  if (known !== undefined) return known;
  const input = inputOf(operation);
  const output = outputOf(operation);
  const { name, title, description, type, destructive, idempotent, openWorld } = operation;
  const annotations = {
    ...(type === 'query' ? { readOnlyHint: true } : {}),
    ...(destructive === undefined ? {} : { destructiveHint: destructive }),
    ...(idempotent === undefined ? {} : { idempotentHint: idempotent }),
    ...(openWorld === undefined ? {} : { openWorldHint: openWorld }),
  };
  const tool: OperationTool = {
    operation,
    definition: {
      name: name.replaceAll('/', '_'),
      title: title ?? name,
      description: description ?? `${type} ${name}`,
      inputSchema: toolSchema(input.schema),
      ...(output.schema === undefined ? {} : { outputSchema: toolSchema(output.schema) }),
      annotations,
    },
    input: input.take,
    result: output.result,
  };
  made.set(operation, tool);
  return tool;
}

/** The types of the library say more of `properties` and `required` than a schema has to. */
function toolSchema({ properties, required, ...rest }: ObjectSchema): Tool['inputSchema'] {
  return {
    ...rest,
    ...(isRecord(properties) ? { properties: schemasOf(properties) } : {}),
    ...(Array.isArray(required) ? { required: required.filter((name) => typeof name === 'string') } : {}),
  };
}

function schemasOf(properties: Readonly<Record<string, unknown>>): Record<string, object> {
  return Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [name, isRecord(schema) ? schema : {}]),
  );
}

interface ToolInput {
  readonly schema: ObjectSchema;
  take(args: Readonly<Record<string, unknown>>): unknown;
}

function inputOf(operation: OperationSpec): ToolInput {
  const schema = plainSchema(operation.input);
  if (operation.type === 'subscription') return itemsInput(schema, operation);
  const object = asObject(schema, 'value', !admitsNothing(operation));
  return { schema: object.schema, take: object.wrapped ? wrappedInput : (args) => args };
}

/** An absent input is `{}`, on every surface of HTTP. */
function wrappedInput(args: Readonly<Record<string, unknown>>): unknown {
  const [unknown] = Object.keys(args).filter((name) => name !== 'value');
  if (unknown !== undefined)
    throw new CallError('INVALID_INPUT', `expected the argument value, got ${unknown}`);
  return args['value'] === undefined ? {} : args['value'];
}

/** Whether an absent input, which is `{}`, fits. */
function admitsNothing({ input }: OperationSpec): boolean {
  try {
    return compileSchema(input, 'imported', 'leave')({}) === undefined;
  } catch {
    return false;
  }
}

/** The input of a subscription with two more members, or wrapped where they would not fit beside its own. */
function itemsInput(schema: JsonSchema, operation: OperationSpec): ToolInput {
  const own = isRecord(schema['properties']) ? schema['properties'] : {};
  const fits =
    schema['type'] === 'object' &&
    !('max_items' in own || 'timeout_ms' in own) &&
    !compound.some((keyword) => keyword in schema);
  const object = fits
    ? { ...schema, type: 'object' as const }
    : wrapped(schema, 'value', !admitsNothing(operation));
  const members = isRecord(object['properties']) ? object['properties'] : {};
  return {
    schema: { ...object, properties: { ...members, ...itemMembers } },
    take: ({ max_items: _items, timeout_ms: _timeout, ...rest }) => (fits ? rest : wrappedInput(rest)),
  };
}

/** With these a member added to `properties` might be refused by another part of the schema. */
const compound = ['$ref', 'allOf', 'anyOf', 'oneOf', 'not', 'if', 'unevaluatedProperties', 'propertyNames'];

const itemMembers = {
  max_items: {
    type: 'integer',
    minimum: 1,
    maximum: itemLimits.maxItems,
    default: itemLimits.items,
    description: 'how many items to wait for',
  },
  timeout_ms: {
    type: 'integer',
    minimum: 1,
    maximum: itemLimits.maxTimeoutMs,
    default: itemLimits.timeoutMs,
    description: 'how long to wait for them, in milliseconds',
  },
};

interface ToolOutput {
  /** Absent when the result is content: MCP asks for structured content where a schema is told. */
  readonly schema: ObjectSchema | undefined;
  result(output: unknown): CallToolResult;
}

function outputOf({ type, output }: OperationSpec): ToolOutput {
  // MCP's own dialect needs no word, and stock clients fail at the word.
  const { $schema, ...rest } = plainSchema(output);
  const schema =
    $schema === undefined || /draft\/2020-12/.test(String($schema)) ? rest : { $schema, ...rest };
  if (type === 'subscription') return { schema: itemsOutput(schema), result: objectResult };
  if (isContentBlocks(schema)) return { schema: undefined, result: blocksResult };
  const object = asObject(schema, 'output', true);
  return { schema: object.schema, result: object.wrapped ? outputResult : objectResult };
}

function itemsOutput(schema: JsonSchema): ObjectSchema {
  const { $schema, ...item } = schema;
  return {
    ...($schema === undefined ? {} : { $schema }),
    type: 'object',
    properties: {
      items: { type: 'array', items: rebased(item, '#/properties/items/items') },
      completed: { type: 'boolean', description: 'whether the subscription has come to its end' },
    },
    required: ['items', 'completed'],
    additionalProperties: false,
  };
}

function outputResult(output: unknown): CallToolResult {
  return structuredResult({ output: output ?? null });
}

function objectResult(output: unknown): CallToolResult {
  return isRecord(output) ? structuredResult(output) : outputResult(output);
}

function blocksResult(output: unknown): CallToolResult {
  return isBlocks(output) ? contentResult(output) : outputResult(output);
}

/** The registry has held the output against its schema, which {@link isContentBlocks} knows. */
function isBlocks(output: unknown): output is CallToolResult['content'] {
  return (
    Array.isArray(output) && output.every((block) => isRecord(block) && typeof block['type'] === 'string')
  );
}

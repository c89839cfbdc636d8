/**
 * Tools of an MCP server as specifications of operations. `docs/spec/http.md` 20. Pure.
 *
 * @module
 */

import { AdapterError, compileSchema, isImportedName, type OperationSpec, type TSchema } from '@alknet/sdk';
import { ContentBlocks, isRecord } from '../../mcp/content-blocks.ts';
import { cleaned, distinct } from '../document/names.ts';
import { found } from '../json.ts';

export interface ImportedTool {
  /** As the server calls it. */
  readonly tool: string;
  /** Whether the server tells what its structured content is. */
  readonly structured: boolean;
  /** Its access is the adapter's to say. */
  readonly operation: OperationSpec;
}

const maxTitle = 100;
const maxDescription = 2000;

/**
 * `tools` is what the pages of `tools/list` gave together; `chosen` is asked for names without the namespace.
 * @throws AdapterError `DiscoveryFailed`
 */
export function importedTools(
  tools: readonly unknown[],
  namespace: string,
  chosen: (name: string) => boolean,
): ImportedTool[] {
  const named = tools.map((tool, index) => ({ tool, ...nameOf(tool, index, namespace) }));
  const names = distinct(named.map(({ name }) => name));
  return named.flatMap(({ tool, place }, index) => {
    const name = names[index] ?? '';
    return chosen(name) && !needsTask(tool) ? [imported(tool, name, place, namespace)] : [];
  });
}

/** MCP 2025-11-25: one that is run as a task only, which is polled for, answers no call. */
function needsTask(tool: unknown): boolean {
  const execution = isRecord(tool) ? tool['execution'] : undefined;
  return isRecord(execution) && execution['taskSupport'] === 'required';
}

function nameOf(tool: unknown, index: number, namespace: string) {
  const place = `tool ${index}`;
  if (!isRecord(tool)) throw fault(namespace, place, 'expected an object', tool);
  const { name } = tool;
  if (typeof name !== 'string' || name === '')
    throw fault(namespace, `${place}: name`, 'expected text', name);
  const operation = cleaned(name);
  if (!isImportedName(`${namespace}/${operation}`))
    throw fault(namespace, `${place}: name`, 'expected at most 7 segments of 128 characters', name);
  return { name: operation, place: `tool ${found(name)}` };
}

function imported(value: unknown, name: string, place: string, namespace: string): ImportedTool {
  const tool = isRecord(value) ? value : {};
  const annotations = isRecord(tool['annotations']) ? tool['annotations'] : {};
  const schema = (member: string): TSchema => {
    const found = tool[member];
    if (!isRecord(found)) throw fault(namespace, `${place}: ${member}`, 'expected a JSON Schema', found);
    try {
      compileSchema(found, 'imported', 'leave');
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw fault(namespace, `${place}: ${member}`, `${reason} (exclude leaves the tool out)`, found);
    }
    return found;
  };
  const structured = tool['outputSchema'] !== undefined && tool['outputSchema'] !== null;
  const title = text(tool['title'], maxTitle) ?? text(annotations['title'], maxTitle);
  const description = text(tool['description'], maxDescription);
  const { destructiveHint, idempotentHint, openWorldHint } = annotations;
  return {
    tool: String(tool['name']),
    structured,
    operation: {
      name: `${namespace}/${name}`,
      type: 'mutation',
      access: 'public',
      input: schema('inputSchema'),
      output: structured ? schema('outputSchema') : ContentBlocks,
      errors: [
        { code: 'MCP_TOOL_ERROR', description: 'The tool failed; the details are its content blocks.' },
      ],
      ...(title === undefined ? {} : { title }),
      ...(description === undefined ? {} : { description }),
      ...(typeof destructiveHint === 'boolean' ? { destructive: destructiveHint } : {}),
      ...(typeof idempotentHint === 'boolean' ? { idempotent: idempotentHint } : {}),
      ...(typeof openWorldHint === 'boolean' ? { openWorld: openWorldHint } : {}),
    },
  };
}

/** Cut to what an operation may have. */
function text(value: unknown, max: number): string | undefined {
  if (typeof value !== 'string' || value === '') return undefined;
  return value.length > max ? `${value.slice(0, max - 1)}…` : value;
}

function fault(namespace: string, place: string, expected: string, value: unknown): AdapterError {
  return new AdapterError(
    'DiscoveryFailed',
    `${namespace}: tools/list: ${place}: ${expected}, found ${found(value)}`,
  );
}

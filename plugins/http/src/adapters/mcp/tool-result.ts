/**
 * The answer to `tools/call` as output or error of an operation. `docs/spec/http.md` 20. Pure.
 *
 * @module
 */

import { CallError } from '@alknet/sdk';
import { isRecord } from '../../mcp/content-blocks.ts';
import { found } from '../json.ts';

/** Characters of an error's message. */
const maxMessage = 1024;

/** @throws CallError `MCP_TOOL_ERROR` when the tool says that it failed; `INTERNAL` for an answer that is none */
export function toolOutput(
  result: Readonly<Record<string, unknown>>,
  { tool, structured }: { readonly tool: string; readonly structured: boolean },
): unknown {
  const { isError, content, structuredContent } = result;
  const blocks = Array.isArray(content) ? content : [];
  if (isError === true) {
    const text = firstText(blocks)?.slice(0, maxMessage);
    throw new CallError('MCP_TOOL_ERROR', text || 'tool failed', { retryable: false, details: blocks });
  }
  if (structured) {
    if (isRecord(structuredContent)) return structuredContent;
    throw new CallError(
      'INTERNAL',
      `tool ${tool} tells an output schema and gave no structured content, found ${found(structuredContent)}`,
    );
  }
  if (Array.isArray(content)) return blocks;
  throw new CallError('INTERNAL', `tool ${tool}: expected a list of content blocks, found ${found(content)}`);
}

function firstText(blocks: readonly unknown[]): string | undefined {
  for (const block of blocks) {
    if (isRecord(block) && block['type'] === 'text' && typeof block['text'] === 'string')
      return block['text'];
  }
  return undefined;
}

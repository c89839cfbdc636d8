/**
 * Results of tools. Structured content is always an object, and stands as JSON in a text block as well; an error is a
 * result with `isError` and the CallError in the same places. `docs/spec/http.md` 21. Pure.
 *
 * @module
 */

import { CallError } from '@alknet/sdk';
import { valueText } from '@alknet/sdk/call';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { errorBody } from '../answers.ts';
import { isRecord } from './content-blocks.ts';

/** @throws CallError `INTERNAL` when the value has no JSON text, being nested too deep for the call protocol. */
export function structuredResult(value: Readonly<Record<string, unknown>>): CallToolResult {
  const text = jsonText(value);
  return { content: [{ type: 'text', text }], structuredContent: plain(text) };
}

/** Blocks as they are. */
export function contentResult(blocks: CallToolResult['content']): CallToolResult {
  return { content: blocks };
}

/**
 * `structured` is false for a tool that tells an output schema: MCP wants whatever structured content it gives to fit
 * that, and stock clients refuse an answer that does not.
 */
export function errorResult(error: CallError, structured: boolean): CallToolResult {
  let body: Readonly<Record<string, unknown>>;
  let text: string;
  try {
    body = errorBody(error);
    text = jsonText(body);
  } catch {
    // Without the details: an error must arrive.
    body = errorBody(new CallError(error.code, error.message, { retryable: error.retryable }));
    text = JSON.stringify(body);
  }
  return {
    content: [{ type: 'text', text }],
    ...(structured ? { structuredContent: plain(text) } : {}),
    isError: true,
  };
}

/** `bigint` as decimal text, bytes as base64, as in the call protocol. @throws CallError `INTERNAL` */
export function jsonText(value: unknown): string {
  try {
    return valueText(value);
  } catch (cause) {
    throw new CallError('INTERNAL', 'the result has no JSON text', { cause });
  }
}

function plain(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text);
  return isRecord(value) ? value : {};
}

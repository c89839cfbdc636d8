/**
 * The tools that a caller sees at `/mcp`: one for each operation, or those of the gateway when there are too many.
 * `docs/spec/http.md` 21. Pure.
 *
 * @module
 */

import type { OperationSpec } from '@alknet/sdk';
import type { Tool } from '@modelcontextprotocol/sdk/types.js';
import { type OperationTool, toolName, toolOf } from './tool.ts';

/** Tools a page. */
const pageSize = 100;

export interface ToolSet {
  /** By name of the tool. */
  readonly tools: ReadonlyMap<string, OperationTool>;
  /** Operations that cannot be tools, with the reason. */
  readonly leftOut: ReadonlyMap<string, string>;
}

/** `operations` are those that the caller may call. */
export function toolSet(operations: readonly OperationSpec[]): ToolSet {
  const byName = new Map<string, OperationSpec[]>();
  const leftOut = new Map<string, string>();
  for (const operation of operations) {
    const name = toolName(operation.name);
    if (name === undefined) leftOut.set(operation.name, 'its name is over 64 characters');
    else byName.set(name, [...(byName.get(name) ?? []), operation]);
  }
  const tools = new Map<string, OperationTool>();
  for (const [name, [first, ...others]] of byName) {
    if (first === undefined) continue;
    if (others.length === 0) tools.set(name, toolOf(first));
    // None of them: what a tool's name means must not depend on which of them a caller may see.
    else for (const each of [first, ...others]) leftOut.set(each.name, `${name} names another operation too`);
  }
  return { tools, leftOut };
}

/** Callers that see the same operations share a set, which a call need not make anew. */
export class ToolSets {
  #kept: { readonly operations: readonly OperationSpec[]; readonly set: ToolSet }[] = [];

  of(operations: readonly OperationSpec[]): ToolSet {
    const known = this.#kept.find((each) => areSame(each.operations, operations));
    if (known !== undefined) return known.set;
    const set = toolSet(operations);
    this.#kept = [{ operations, set }, ...this.#kept.slice(0, keptSets - 1)];
    return set;
  }
}

const keptSets = 8;

function areSame(a: readonly OperationSpec[], b: readonly OperationSpec[]): boolean {
  return a.length === b.length && a.every((operation, index) => operation === b[index]);
}

export interface ToolPage {
  readonly tools: Tool[];
  readonly nextCursor?: string;
}

/** Sorted by name; a cursor is the last name shown, so tools that come and go disturb nobody's paging. */
export function toolPage(tools: readonly Tool[], cursor: string | undefined): ToolPage | undefined {
  const after = cursor === undefined ? '' : nameOf(cursor);
  if (after === undefined) return undefined;
  const left = tools.filter(({ name }) => name > after).sort((a, b) => (a.name < b.name ? -1 : 1));
  const page = left.slice(0, pageSize);
  const last = page.at(-1);
  if (last === undefined || left.length === page.length) return { tools: page };
  return { tools: page, nextCursor: cursorAfter(last.name) };
}

export function cursorAfter(name: string): string {
  return Buffer.from(name).toString('base64url');
}

/** `undefined` for what is no cursor of ours. */
export function nameOf(cursor: string): string | undefined {
  const name = Buffer.from(cursor, 'base64url').toString();
  return cursorAfter(name) === cursor ? name : undefined;
}

/**
 * The input of a call as a person writes it: JSON, `@FILE`, `-`, or `key=value` and `key:=json`. `docs/spec/cli.md` 7.
 *
 * @module
 */

import { readFile } from 'node:fs/promises';
import { usage } from './exit.ts';
import { readStdin } from './prompt.ts';

/** @throws CliError exit 2 */
export async function readInput(words: readonly string[]): Promise<unknown> {
  const [first] = words;
  if (first === undefined) return {};
  if (words.length === 1) {
    if (first === '-') return parseJson(await readStdin(), 'standard input');
    if (first.startsWith('@')) return parseJson(await readText(first.slice(1)), first.slice(1));
    if (/^\s*[[{"]/.test(first) || /^(?:true|false|null|-?\d[\d.eE+-]*)$/.test(first))
      return parseJson(first, 'the input');
  }
  const input: Record<string, unknown> = {};
  for (const word of words) {
    const match = /^([^=:]+)(:?=)([\s\S]*)$/.exec(word);
    if (match === null)
      throw usage(
        `the input: expected JSON, @FILE, -, key=value or key:=json, found ${JSON.stringify(word)}`,
      );
    const [, path = '', operator, text = ''] = match;
    assign(input, path.split('.'), operator === ':=' ? parseJson(text, path) : text);
  }
  return input;
}

async function readText(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw usage(`${path} cannot be read: ${error.code}`);
  });
}

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw usage(`${what} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function assign(into: Record<string, unknown>, [key = '', ...rest]: readonly string[], value: unknown): void {
  const existing = Object.hasOwn(into, key) ? into[key] : undefined;
  let next = value;
  if (rest.length > 0) {
    const inner =
      typeof existing === 'object' && existing !== null ? (existing as Record<string, unknown>) : {};
    assign(inner, rest, value);
    next = inner;
  }
  Object.defineProperty(into, key, { value: next, enumerable: true, writable: true, configurable: true });
}

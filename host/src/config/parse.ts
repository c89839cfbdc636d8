/**
 * The text of a configuration file: JSON with comments and trailing commas, with the place of every key and value.
 * `docs/spec/config.md` 2. Pure.
 *
 * @module
 */

import * as jsonc from '../libraries/jsonc.ts';
import { type Finding, inOrderOfLine, type Path, type Problem, pointerOf } from './problems.ts';

/** Bytes. */
export const maxFile = 4 * 1024 * 1024;
export const maxDepth = 64;

export interface ConfigDocument {
  /** Without a byte order mark. */
  readonly text: string;
  readonly value: Readonly<Record<string, unknown>>;
  /** Whether the file itself has a value there. */
  has(path: Path): boolean;
  locate(finding: Finding): Problem;
}

export type Parsed =
  | { readonly document: ConfigDocument; readonly problems?: undefined }
  | { readonly document?: undefined; readonly problems: readonly Problem[] };

export function parseConfig(bytes: Uint8Array): Parsed {
  const refused = (message: string, line = 1, column = 1): Parsed => ({
    problems: [{ pointer: '', line, column, message }],
  });
  if (bytes.length > maxFile) return refused(`expected at most 4 MiB, found ${bytes.length} bytes`);
  let text: string;
  try {
    // Takes a byte order mark away.
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return refused('expected UTF-8 text, found bytes that are none');
  }
  if (text.trim() === '') return refused('expected an object such as {}, found an empty file');
  const places = new Places(text);
  const deep = tooDeep(text);
  if (deep !== undefined) {
    const { line, column } = places.at(deep);
    return refused(`expected at most ${maxDepth} levels of nesting`, line, column);
  }

  const errors: jsonc.ParseError[] = [];
  const root = jsonc.parseTree(text, errors, { allowTrailingComma: true, disallowComments: false });
  if (errors.length > 0 || root === undefined) {
    const problems = errors.map((error) => ({
      pointer: '',
      ...places.at(error.offset),
      message: syntax(error),
    }));
    return problems.length > 0
      ? { problems: firstOfEachLine(problems) }
      : refused('expected an object such as {}');
  }
  if (root.type !== 'object') return refused(`expected an object such as {}, found ${article(root.type)}`);
  const repeated = [...repeatedKeys(root, [], places)];
  if (repeated.length > 0) return { problems: inOrderOfLine(repeated) };

  return {
    document: {
      text,
      value: plainValue(root) as Record<string, unknown>,
      has: (path) => jsonc.findNodeAtLocation(root, [...path]) !== undefined,
      locate: ({ path, atKey, ...rest }) => ({
        pointer: pointerOf(path),
        ...places.at(offsetOf(root, path, atKey === true)),
        ...rest,
      }),
    },
  };
}

/** Of the value at the path or, where the file has none, of the nearest thing that holds it. */
function offsetOf(root: jsonc.Node, path: Path, atKey: boolean): number {
  for (let length = path.length; length >= 0; length--) {
    const node = jsonc.findNodeAtLocation(root, path.slice(0, length));
    if (node === undefined) continue;
    const key = atKey && length === path.length && node.parent?.type === 'property' ? node.parent : node;
    return key.offset;
  }
  return root.offset;
}

/** Lines and columns of offsets, both from 1. */
class Places {
  private readonly starts: number[] = [0];

  constructor(text: string) {
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) this.starts.push(at + 1);
  }

  at(offset: number): { line: number; column: number } {
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (this.starts[low] ?? 0) + 1 };
  }
}

/** Offset of the bracket that opens one level too many; looked for before anything recursive sees the text. */
function tooDeep(text: string): number | undefined {
  const scanner = jsonc.createScanner(text, true);
  let depth = 0;
  for (let token = scanner.scan(); token !== endOfFile; token = scanner.scan()) {
    if (token === openBrace || token === openBracket) {
      if (++depth > maxDepth) return scanner.getTokenOffset();
    } else if (token === closeBrace || token === closeBracket) depth--;
  }
  return undefined;
}

// Values of jsonc.SyntaxKind, a const enum that isolated modules cannot import.
const openBrace = 1;
const closeBrace = 2;
const openBracket = 3;
const closeBracket = 4;
const endOfFile = 17;

function* repeatedKeys(node: jsonc.Node, path: Path, places: Places): Generator<Problem> {
  const first = new Map<string, jsonc.Node>();
  for (const [index, child] of (node.children ?? []).entries()) {
    if (node.type !== 'object') {
      yield* repeatedKeys(child, [...path, index], places);
      continue;
    }
    const [key, value] = child.children ?? [];
    if (key === undefined) continue;
    const name = String(key.value);
    const earlier = first.get(name);
    if (earlier === undefined) first.set(name, key);
    else {
      const at = places.at(earlier.offset);
      yield {
        pointer: pointerOf([...path, name]),
        ...places.at(key.offset),
        message: `repeated key; it stands at ${at.line}:${at.column} already; remove one of the two`,
      };
    }
    if (value !== undefined) yield* repeatedKeys(value, [...path, name], places);
  }
}

/** As JSON.parse would make it: `__proto__` is a key like any other. */
function plainValue(node: jsonc.Node): unknown {
  if (node.type === 'array') return (node.children ?? []).map(plainValue);
  if (node.type !== 'object') return node.value;
  const object: Record<string, unknown> = {};
  for (const { children } of node.children ?? []) {
    const [key, value] = children ?? [];
    if (key === undefined || value === undefined) continue;
    Object.defineProperty(object, String(key.value), {
      value: plainValue(value),
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
  return object;
}

const expectedAt: Readonly<Record<string, string>> = {
  InvalidSymbol: 'expected a value: text in double quotes, a number, true, false, null, { or [',
  InvalidNumberFormat: 'expected a number such as 1 or 0.5',
  PropertyNameExpected: 'expected a key in double quotes, or }',
  ValueExpected: 'expected a value',
  ColonExpected: 'expected a colon after the key',
  CommaExpected: 'expected a comma before the next key or value',
  CloseBraceExpected: 'expected } here: an object is not closed',
  CloseBracketExpected: 'expected ] here: a list is not closed',
  EndOfFileExpected: 'expected the end of the file after the outermost }',
  InvalidCommentToken: 'expected a comment of the form // … or /* … */',
  UnexpectedEndOfComment: 'expected */: a comment is not closed',
  UnexpectedEndOfString: 'expected a closing double quote on the same line',
  UnexpectedEndOfNumber: 'expected digits after the point or exponent',
  InvalidUnicode: 'expected four hexadecimal digits after \\u',
  InvalidEscapeCharacter: 'expected one of " \\ / b f n r t u after a backslash',
  InvalidCharacter: 'expected no control character in text; write it as \\u00XX',
};

function syntax(error: jsonc.ParseError): string {
  return expectedAt[jsonc.printParseErrorCode(error.error)] ?? 'expected JSON with comments';
}

/** What follows the first syntax error of a line is its echo. */
function firstOfEachLine(problems: readonly Problem[]): Problem[] {
  const lines = new Set<number>();
  return inOrderOfLine(problems).filter(({ line }) => !lines.has(line) && lines.add(line));
}

function article(type: string): string {
  if (type === 'array') return 'a list';
  return type === 'null' ? 'null' : `a ${type === 'string' ? 'text' : type}`;
}

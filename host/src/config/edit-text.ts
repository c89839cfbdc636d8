/**
 * Changes keys of a JSON-with-comments text by the smallest insertions and deletions, so that every other byte stays:
 * comments, order, and the layout of what surrounds them. `docs/spec/config.md` 15. Pure.
 *
 * @module
 */

import * as jsonc from '../libraries/jsonc.ts';
import type { Path } from './problems.ts';

export interface KeyEdit {
  /** Keys only; no list is edited by its index. */
  readonly path: Path;
  /** `undefined` removes the key. */
  readonly value: unknown;
}

export function editText(text: string, edits: readonly KeyEdit[]): string {
  // The parser counts from after a byte order mark.
  const mark = text.startsWith('\ufeff') ? '\ufeff' : '';
  let body = text.slice(mark.length);
  for (const edit of edits) body = edit.value === undefined ? without(body, edit.path) : withKey(body, edit);
  return mark + body;
}

function rootOf(text: string): jsonc.Node {
  const root = jsonc.parseTree(text, [], { allowTrailingComma: true });
  if (root === undefined) throw new SyntaxError('expected an object to change a key of');
  return root;
}

function withKey(text: string, { path, value }: KeyEdit): string {
  const root = rootOf(text);
  const layout = layoutOf(text);
  const present = jsonc.findNodeAtLocation(root, [...path]);
  if (present !== undefined) {
    const end = present.offset + present.length;
    const lines = format(value, layout, indentAt(text, present.offset));
    return text.slice(0, present.offset) + lines + text.slice(end);
  }
  for (let depth = path.length - 1; depth >= 0; depth--) {
    const holder = jsonc.findNodeAtLocation(root, path.slice(0, depth));
    if (holder === undefined) continue;
    const key = String(path[depth]);
    const nested = path.slice(depth + 1).reduceRight<unknown>((inner, name) => ({ [name]: inner }), value);
    // `"ssh": true` has to become an object before it can hold a key.
    if (holder.type !== 'object')
      return withKey(text, { path: path.slice(0, depth), value: { [key]: nested } });
    return inserted(text, holder, key, nested, layout);
  }
  return text;
}

function inserted(text: string, holder: jsonc.Node, key: string, value: unknown, layout: Layout): string {
  const name = `${JSON.stringify(key)}: `;
  const close = holder.offset + holder.length - 1;
  const last = holder.children?.at(-1);
  const outer = indentAt(text, holder.offset);
  if (last === undefined) {
    const inner = outer + layout.unit;
    const property = `${layout.eol}${inner}${name}${format(value, layout, inner)}${layout.eol}${outer}`;
    const blank = text.slice(holder.offset + 1, close).trim() === '';
    return text.slice(0, blank ? holder.offset + 1 : close) + property + text.slice(close);
  }
  const end = last.offset + last.length;
  const { comma, lineEnd } = afterValue(text, end);
  const inOneLine = lineEnd === undefined || lineEnd > close;
  if (inOneLine) {
    const property = `${name}${JSON.stringify(value)}`;
    const at = comma ?? end;
    return comma === undefined
      ? `${text.slice(0, at)}, ${property}${text.slice(at)}`
      : `${text.slice(0, at)} ${property},${text.slice(at)}`;
  }
  // Below the last line, so that a comment at its end stays with it.
  const inner = indentAt(text, last.offset);
  const property = `${layout.eol}${inner}${name}${format(value, layout, inner)}`;
  const before =
    comma === undefined ? `${text.slice(0, end)},${text.slice(end, lineEnd)}` : text.slice(0, lineEnd);
  return `${before}${property}${comma === undefined ? '' : ','}${text.slice(lineEnd)}`;
}

/** Takes the property, its comma and, where nothing else stands there, its lines. */
function without(text: string, path: Path): string {
  const property = jsonc.findNodeAtLocation(rootOf(text), [...path])?.parent;
  if (property === undefined || property.type !== 'property') return text;
  const start = property.offset;
  const end = afterValue(text, start + property.length).comma ?? start + property.length;
  const lineStart = text.lastIndexOf('\n', start - 1) + 1;
  const rest = /^[ \t]*\r?\n/.exec(text.slice(end))?.[0];
  const alone = text.slice(lineStart, start).trim() === '' && rest !== undefined;
  if (alone) return text.slice(0, lineStart) + text.slice(end + rest.length);
  return text.slice(0, start) + text.slice(end).replace(/^ /, '');
}

/** After a value: the offset behind its comma, and that of the end of its line, looked for outside comments. */
function afterValue(
  text: string,
  offset: number,
): { comma: number | undefined; lineEnd: number | undefined } {
  const scanner = jsonc.createScanner(text, false);
  scanner.setPosition(offset);
  let comma: number | undefined;
  for (;;) {
    const token = scanner.scan();
    const at = scanner.getTokenOffset();
    if (token === commaToken && comma === undefined) comma = at + 1;
    else if (token === lineBreak) return { comma, lineEnd: at };
    else if (!trivia.has(token)) return { comma, lineEnd: undefined };
  }
}

// Values of jsonc.SyntaxKind, a const enum that isolated modules cannot import.
const commaToken = 5;
const lineBreak = 14;
const trivia = new Set([12, 13, 15]);

interface Layout {
  readonly unit: string;
  readonly eol: string;
}

function layoutOf(text: string): Layout {
  return { unit: /\n([ \t]+)"/.exec(text)?.[1] ?? '  ', eol: text.includes('\r\n') ? '\r\n' : '\n' };
}

function indentAt(text: string, offset: number): string {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  return /^[ \t]*/.exec(text.slice(start, offset))?.[0] ?? '';
}

function format(value: unknown, { unit, eol }: Layout, indent: string): string {
  return JSON.stringify(value, null, unit).replaceAll('\n', eol + indent);
}

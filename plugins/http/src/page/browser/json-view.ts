/** JSON for people to read: indented, with its kinds in colours. */

import { h } from './dom.ts';

/** Characters beyond which colours would only make it slow. */
const coloured = 100_000;
/** Characters that a page shows of one value. */
const shown = 1_000_000;

const token = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d[\d.eE+-]*/g;

export function jsonText(value: unknown): string {
  return JSON.stringify(value, null, 2) ?? 'null';
}

export function jsonView(value: unknown): HTMLElement {
  const text = jsonText(value);
  if (text.length > coloured)
    return h('pre', { class: 'json' }, text.slice(0, shown), text.length > shown && '\n… cut here');
  const view = h('pre', { class: 'json' });
  let at = 0;
  for (const match of text.matchAll(token)) {
    view.append(text.slice(at, match.index));
    const [whole, string, colon] = match;
    const kind = string === undefined ? 'literal' : colon === undefined ? 'string' : 'key';
    view.append(h('span', { class: kind }, string ?? whole), colon ?? '');
    at = match.index + whole.length;
  }
  view.append(text.slice(at));
  return view;
}

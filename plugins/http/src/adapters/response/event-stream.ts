/**
 * Server-sent events to values: bytes in, in pieces of any size, the same values out. WHATWG HTML 9.2.6,
 * `docs/spec/http.md` 17.4. Pure.
 *
 * @module
 */

import { CallError } from '@alknet/sdk';
import { nesting } from '../json.ts';

/** Characters of one event. */
const maxEvent = 1024 * 1024;
const maxNesting = 64;

export class EventStreamParser {
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  /** Text of the line that has not ended. */
  #pieces: string[] = [];
  #length = 0;
  #data: string[] | undefined;
  #dataLength = 0;
  /** The last character was a CR, whose LF may come next. */
  #afterReturn = false;
  #begun = false;

  /** Values that are complete with these bytes. @throws CallError `INTERNAL` for an event that is too large */
  push(bytes: Uint8Array): unknown[] {
    return this.#text(this.#decoder.decode(bytes, { stream: true }));
  }

  #text(decoded: string): unknown[] {
    let text = decoded;
    if (!this.#begun && text !== '') {
      this.#begun = true;
      if (text.startsWith('\ufeff')) text = text.slice(1);
    }
    const values: unknown[] = [];
    let from = 0;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (this.#afterReturn) {
        this.#afterReturn = false;
        if (code === 0x0a) {
          from = i + 1;
          continue;
        }
      }
      if (code !== 0x0a && code !== 0x0d) continue;
      this.#keep(text.slice(from, i));
      from = i + 1;
      this.#afterReturn = code === 0x0d;
      this.#line(values);
    }
    this.#keep(text.slice(from));
    return values;
  }

  #keep(piece: string): void {
    if (piece === '') return;
    this.#length += piece.length;
    if (this.#length + this.#dataLength > maxEvent)
      throw new CallError('INTERNAL', `the remote sent an event of more than ${maxEvent} characters`);
    this.#pieces.push(piece);
  }

  #line(values: unknown[]): void {
    const line = this.#pieces.join('');
    this.#pieces = [];
    this.#length = 0;
    if (line === '') {
      if (this.#data !== undefined) values.push(eventValue(this.#data.join('\n')));
      this.#data = undefined;
      this.#dataLength = 0;
      return;
    }
    const colon = line.indexOf(':');
    const field = colon === -1 ? line : line.slice(0, colon);
    if (field !== 'data') return;
    const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    this.#data ??= [];
    this.#data.push(value);
    this.#dataLength += value.length + 1;
  }
}

/** JSON if it parses, else the text; nothing but blanks is `null`. */
function eventValue(data: string): unknown {
  if (data.trim() === '') return null;
  try {
    return nesting(data, maxNesting) > maxNesting ? data : JSON.parse(data);
  } catch {
    return data;
  }
}

/**
 * The grammar of exports: `name:/path:mode`, or a reference `name` or `name:mode`. `docs/spec/sftp.md` 2.
 *
 * @module
 */

import { isAbsolute } from 'node:path';
import type { ExportMode } from './root.ts';

/** A directory of the host under a name. `path` may hold `{peer}`. */
export interface ExportEntry {
  readonly name: string;
  readonly path: string;
  readonly mode: ExportMode;
}

/** An entry of the pool; without a mode, as it is there. */
interface Reference {
  readonly name: string;
  readonly mode: ExportMode | undefined;
}

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const peerPattern = /^[A-Za-z0-9._-]{1,64}$/;

/** Why an entry is void; its text tells what was expected. */
export class ExportFault extends Error {
  override readonly name = 'ExportFault';
}

/** @throws ExportFault */
export function parseExport(text: string): ExportEntry {
  const parsed = parse(text);
  if ('path' in parsed) return parsed;
  throw new ExportFault(
    `export ${JSON.stringify(text)}: expected name:/absolute/path:mode with the mode rw or ro`,
  );
}

/** What a peer is granted: the entries of `words`, with references looked up in the pool. Faults are told and left out. */
export function exportsOf(
  words: readonly string[],
  pool: ReadonlyMap<string, ExportEntry>,
  peer: string,
  onFault: (message: string) => void,
): ExportEntry[] {
  const found = new Map<string, ExportEntry>();
  for (const word of words) {
    try {
      const entry = inserted(resolve(parse(word), pool), peer);
      if (found.has(entry.name)) throw new ExportFault(`export ${entry.name} is there twice`);
      found.set(entry.name, entry);
    } catch (error) {
      if (!(error instanceof ExportFault)) throw error;
      onFault(error.message);
    }
  }
  return [...found.values()];
}

function parse(text: string): ExportEntry | Reference {
  const first = text.indexOf(':');
  const last = text.lastIndexOf(':');
  const name = first === -1 ? text : text.slice(0, first);
  if (!namePattern.test(name)) {
    throw new ExportFault(
      `export ${JSON.stringify(text)}: expected a name of letters, digits, "." "_" and "-", at most 64`,
    );
  }
  if (first === -1) return { name, mode: undefined };
  const mode = modeOf(text, text.slice(last + 1));
  if (first === last) return { name, mode };
  // The path is all between the first and the last colon, and may hold colons itself.
  const path = text.slice(first + 1, last);
  if (!isAbsolute(path) || path.includes('\0'))
    throw new ExportFault(`export ${name}: expected an absolute path, found ${JSON.stringify(path)}`);
  return { name, path, mode };
}

function modeOf(text: string, mode: string): ExportMode {
  if (mode === 'rw' || mode === 'ro') return mode;
  throw new ExportFault(
    `export ${JSON.stringify(text)}: expected the mode rw or ro, found ${JSON.stringify(mode)}`,
  );
}

function resolve(parsed: ExportEntry | Reference, pool: ReadonlyMap<string, ExportEntry>): ExportEntry {
  if ('path' in parsed) return parsed;
  const entry = pool.get(parsed.name);
  if (entry === undefined) throw new ExportFault(`export ${parsed.name}: sftp.exports has none of that name`);
  // Lowered, never raised.
  return { ...entry, mode: entry.mode === 'ro' ? 'ro' : (parsed.mode ?? entry.mode) };
}

function inserted(entry: ExportEntry, peer: string): ExportEntry {
  if (!entry.path.includes('{peer}')) return entry;
  if (!peerPattern.test(peer) || peer === '.' || peer === '..')
    throw new ExportFault(
      `export ${entry.name}: the peer id ${JSON.stringify(peer)} cannot be part of a path`,
    );
  return { ...entry, path: entry.path.replaceAll('{peer}', peer) };
}

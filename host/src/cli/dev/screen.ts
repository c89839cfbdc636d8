/**
 * What `alknet dev` shows to people. Pure.
 *
 * @module
 */

import { relative } from 'node:path';
import type { Requests } from '@alknet/sdk';
import { lineToAdd, type PluginRow, type SourceProblem } from '../../plugins/index.ts';
import { table } from '../output.ts';
import { examples } from './examples.ts';

export interface Paint {
  readonly colour: boolean;
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
}

export function paint(colour: boolean): Paint {
  const sgr = (on: number, off: number) => (text: string) =>
    colour ? `\x1b[${on}m${text}\x1b[${off}m` : text;
  return {
    colour,
    bold: sgr(1, 22),
    dim: sgr(2, 22),
    red: sgr(31, 39),
    green: sgr(32, 39),
    yellow: sgr(33, 39),
  };
}

/** A path as people in this directory write it. */
export function shortPath(path: string, from = process.cwd()): string {
  const short = relative(from, path);
  return short === '' ? '.' : short.startsWith('..') ? path : short;
}

export interface Overview {
  readonly id: string;
  readonly addresses: readonly string[];
  /** Where a browser finds the plugin `http`, if it runs. */
  readonly web: string | undefined;
  readonly rows: readonly PluginRow[];
  readonly dataDir: string;
  readonly configPath: string;
  readonly token: string;
}

/** What is loaded: where its code came from, what it serves, what it may do, and how to call it. */
export function overview(
  { id, addresses, web, rows, dataDir, configPath, token }: Overview,
  { bold, dim, yellow, red }: Paint,
): string {
  const lines = [`${bold('alknet dev')}  ${id}`, `${' '.repeat(10)}  ${addresses.join(', ')}`, ''];
  const body = table(
    ['plugin', 'version', 'state', 'isolation', 'code'],
    rows.map(({ name, state, isolation, instance }) => [
      name,
      instance?.version ?? '-',
      state,
      isolation,
      instance === undefined ? '-' : codeOf(instance),
    ]),
  ).split('\n');
  lines.push(bold(body[0] ?? ''));
  for (const [index, row] of rows.entries()) {
    lines.push(body[index + 1] ?? '');
    if (row.error !== undefined) lines.push(red(`  ${row.error.message}`));
    const { instance } = row;
    if (instance === undefined || instance.builtIn) continue;
    const served = [...instance.alpns, ...instance.operations.map(({ name, type }) => `${name} (${type})`)];
    if (served.length > 0) lines.push(`  serves   ${served.join(', ')}`);
    lines.push(`  granted  ${rightsText(instance.granted)}`);
    for (const lacking of row.missing) lines.push(yellow(`  missing  ${lineToAdd(row.name, lacking)}`));
  }
  lines.push(
    '',
    ...examples(rows, dataDir).map((text, index) => `${index === 0 ? 'try    ' : '       '} ${text}`),
  );
  if (web !== undefined) lines.push(`web     ${web}`);
  lines.push(dim(`token   ${token}`), dim(`config  ${configPath}`), '');
  return lines.join('\n');
}

function codeOf({ builtIn, loaded, provenance }: NonNullable<PluginRow['instance']>): string {
  if (builtIn) return 'built in';
  const integrity = provenance.integrity === '' ? '' : ` ${provenance.integrity}`;
  const from = loaded.package === loaded.root ? '' : `${loaded.package} in `;
  return `${from}${shortPath(loaded.root)}${integrity}`;
}

function rightsText(rights: Requests): string {
  const parts = Object.entries(rights).flatMap(([member, value]) => {
    const words = wordsOf(value);
    return words === '' ? [] : [`${member} ${words}`];
  });
  return parts.length === 0 ? 'nothing beyond its own' : parts.join('; ');
}

function wordsOf(value: unknown): string {
  if (value === true) return 'yes';
  if (Array.isArray(value)) return value.join(' ');
  if (typeof value !== 'object' || value === null) return '';
  return Object.entries(value)
    .map(([type, words]) => `${type}: ${wordsOf(words)}`)
    .join(', ');
}

/** A fault with its place and the lines around it. */
export function problemText({ message, place }: SourceProblem, frame: string, { bold, red }: Paint): string {
  const where =
    place === undefined ? '' : `${bold(`${shortPath(place.file)}:${place.line}:${place.column}`)}: `;
  const lines = frame === '' ? '' : `\n${frame.replace(/^>.*$/gm, (line) => red(line))}`;
  return `${where}${message}${lines}`;
}

/**
 * Command lines that use what plugins serve, to be pasted into another terminal as they are. Pure.
 *
 * @module
 */

import { type AnyOperation, fitting, shellLine } from '@alknet/sdk';
import type { PluginRow } from '../../plugins/index.ts';

/** How many operations are shown. */
const most = 4;

export function examples(rows: readonly PluginRow[], dataDir: string): string[] {
  const alknet = `alknet --data ${quoted(dataDir)}`;
  const own = rows.flatMap(({ instance }) =>
    instance === undefined || instance.builtIn ? [] : instance.operations,
  );
  const open = own.filter(({ visibility }) => visibility !== 'internal');
  const calls = open.slice(0, most).map((operation) => `${alknet} ${callOf(operation)}`);
  const [alpn] = rows.flatMap(({ instance }) => (instance?.builtIn === false ? instance.alpns : []));
  return [...calls, ...(alpn === undefined ? [] : [`${alknet} pipe local ${alpn}`]), `${alknet} ops`];
}

/** With an input that its schema takes, where one can be made; else what shows the schema. */
export function callOf({ name, type, input }: Pick<AnyOperation, 'name' | 'type' | 'input'>): string {
  const found = fitting(input);
  if (found === undefined) return `schema ${name} --input`;
  return [type === 'subscription' ? 'subscribe' : 'call', name, ...inputWords(found.value)].join(' ');
}

/** As a person would write it: members where that is possible, nothing for `{}`. */
function inputWords(value: unknown): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return [quoted(JSON.stringify(value))];
  const members = Object.entries(value);
  // A dot leads into a member, and what follows `=` is text.
  if (members.some(([key]) => !/^[A-Za-z_][\w-]*$/.test(key))) return [quoted(JSON.stringify(value))];
  return members.map(([key, member]) =>
    typeof member === 'string'
      ? `${key}=${quoted(member, true)}`
      : `${key}:=${quoted(JSON.stringify(member))}`,
  );
}

/** For a shell. */
function quoted(text: string, mayBeEmpty = false): string {
  return text === '' && mayBeEmpty ? '' : shellLine([text]);
}

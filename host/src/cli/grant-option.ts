/**
 * `--grant` of `alknet plugin add`: consent to single requests of a plugin. `docs/spec/cli.md` 9, `docs/spec/config.md` 7.
 * Pure.
 *
 * @module
 */

import type { Requests } from '@alknet/sdk';
import { grantedOf, requestLines } from '../plugins/index.ts';
import { usage } from './exit.ts';

type Grant = Mutable<Requests>;
type Mutable<Value> = { -readonly [Key in keyof Value]: Value[Key] };

const lists = ['scopes', 'operations', 'secrets', 'dispatch', 'namespaces'] as const;
const forms = `${lists.map((member) => `${member}=NAME`).join(', ')}, resources=TYPE=WORD or gateway`;

/** What a text such as `operations=fs/get` or `gateway` grants. @throws CliError exit 2 */
export function parseGrant(text: string): Requests {
  if (text === 'gateway') return { gateway: true };
  const [member = '', entry = '', ...rest] = text.split('=');
  const list = lists.find((name) => name === member);
  if (list !== undefined && entry !== '') return { [list]: [[entry, ...rest].join('=')] };
  const word = rest.join('=');
  if (member === 'resources' && entry !== '' && word !== '') return { resources: { [entry]: [word] } };
  throw usage(`--grant: expected ${forms}, found ${JSON.stringify(text)}`);
}

/** @throws CliError exit 2 when the plugin requests nothing that it would give */
export function checkRequested(text: string, requests: Requests): void {
  const granted = grantedOf({ requests, grant: parseGrant(text), builtIn: false, configSecrets: [] });
  if (requestLines(granted).length > 0) return;
  const wished = requestLines(requests);
  throw usage(
    `--grant ${text}: the plugin does not request it; it requests ${wished.length === 0 ? 'nothing' : wished.join(', ')}`,
  );
}

/** The grant with that one more. */
export function withGrant(grant: Requests, { gateway, resources = {}, ...more }: Requests): Requests {
  const sum: Grant = { ...grant, ...(gateway === undefined ? {} : { gateway }) };
  for (const member of lists) {
    const words = more[member];
    if (words !== undefined) sum[member] = [...new Set([...(grant[member] ?? []), ...words])];
  }
  const both: Record<string, readonly string[]> = { ...grant.resources };
  for (const [type, words] of Object.entries(resources))
    both[type] = [...new Set([...(both[type] ?? []), ...words])];
  if (Object.keys(both).length > 0) sum.resources = both;
  return sum;
}

/**
 * What a plugin may do: the intersection of its `requests` and the operator's `grant`. `docs/spec/config.md` 7. Pure.
 *
 * @module
 */

import { intersectReach, type Requests } from '@alknet/sdk';

/** What runs: every member present. */
export type Granted = Required<Requests>;

export const nothingGranted: Granted = Object.freeze({
  scopes: [],
  resources: {},
  operations: [],
  secrets: [],
  dispatch: [],
  gateway: false,
  namespaces: [],
});

export interface GrantQuestion {
  readonly requests: Requests;
  /** Absent: all for a built-in plugin, nothing for others. */
  readonly grant: Requests | undefined;
  readonly builtIn: boolean;
  /** Secrets that the operator names in the plugin's `config`: request and grant at once. */
  readonly configSecrets: readonly string[];
}

export function grantedOf({ requests, grant, builtIn, configSecrets }: GrantQuestion): Granted {
  const given = grant ?? (builtIn ? requests : undefined);
  if (given === undefined) return { ...nothingGranted, secrets: unique(configSecrets) };
  // A request of `*` means "whatever the grant names", so without one it is nothing.
  const named = (words: readonly string[] | undefined) => (words ?? []).filter((word) => word !== '*');
  return {
    scopes: overlap(requests.scopes, named(given.scopes)),
    resources: resourcesOf(requests.resources ?? {}, given.resources ?? {}),
    operations: intersectReach(requests.operations ?? [], given.operations ?? []),
    secrets: unique([
      ...(requests.secrets ?? []).filter((name) => given.secrets?.includes(name)),
      ...configSecrets,
    ]),
    dispatch: coveredByBoth(requests.dispatch ?? [], given.dispatch ?? []),
    gateway: requests.gateway === true && given.gateway === true,
    namespaces: coveredByBoth(requests.namespaces ?? [], given.namespaces ?? []),
  };
}

/** A member and entry, as a path below `plugins.<name>.grant`. */
export interface GrantEntry {
  readonly member: keyof Requests;
  readonly entry: string;
}

/** Requests that what is granted does not cover. */
export function missingGrants(requests: Requests, granted: Granted): GrantEntry[] {
  return difference(requests, granted);
}

/** Grants that nothing requests. */
export function unusedGrants(requests: Requests, grant: Requests | undefined): GrantEntry[] {
  return grant === undefined ? [] : difference(grant, { ...nothingGranted, ...requests });
}

/** For people: what to write to grant it. */
export function lineToAdd(plugin: string, { member, entry }: GrantEntry): string {
  const value = member === 'gateway' ? 'true' : member === 'resources' ? entry : `[${JSON.stringify(entry)}]`;
  return `plugins.${plugin}.grant: { "${member}": ${value} }`;
}

function difference(wanted: Requests, had: Granted): GrantEntry[] {
  const lacking: GrantEntry[] = [];
  const note = (member: keyof Requests, entry: string) => lacking.push({ member, entry });
  for (const scope of wanted.scopes ?? []) {
    if (scope !== '*' && !had.scopes.includes(scope) && !had.scopes.includes('*')) note('scopes', scope);
  }
  for (const [type, words] of Object.entries(wanted.resources ?? {})) {
    const held = [...(had.resources[type] ?? []), ...(had.resources['*'] ?? [])];
    const lost = words.filter((word) => word !== '*' && !held.includes(word) && !held.includes('*'));
    if (type !== '*' && lost.length > 0) note('resources', JSON.stringify({ [type]: lost }));
  }
  for (const pattern of wanted.operations ?? []) {
    if (!intersectReach([pattern], had.operations).includes(pattern)) note('operations', pattern);
  }
  for (const secret of wanted.secrets ?? []) if (!had.secrets.includes(secret)) note('secrets', secret);
  for (const member of ['dispatch', 'namespaces'] as const) {
    for (const name of wanted[member] ?? [])
      if (!coveredByBoth([name], had[member]).includes(name)) note(member, name);
  }
  if (wanted.gateway === true && !had.gateway) note('gateway', 'true');
  return lacking;
}

function overlap(requested: readonly string[] | undefined, granted: readonly string[]): string[] {
  if (requested === undefined) return [];
  return requested.includes('*')
    ? unique(granted)
    : unique(granted.filter((word) => requested.includes(word)));
}

function resourcesOf(
  requested: Readonly<Record<string, readonly string[]>>,
  granted: Readonly<Record<string, readonly string[]>>,
): Record<string, readonly string[]> {
  const both: Record<string, readonly string[]> = {};
  for (const [type, words] of Object.entries(granted)) {
    if (type === '*') continue;
    const wished = [...(requested[type] ?? []), ...(requested['*'] ?? [])];
    const kept = overlap(
      wished,
      words.filter((word) => word !== '*'),
    );
    if (kept.length > 0) both[type] = kept;
  }
  return both;
}

/** Names, prefixes that end in `/*`, and `*`: what both lists cover. */
function coveredByBoth(a: readonly string[], b: readonly string[]): string[] {
  const both: string[] = [];
  for (const left of a) {
    for (const right of b) {
      if (covers(left, right)) both.push(right);
      else if (covers(right, left)) both.push(left);
    }
  }
  return unique(both);
}

function covers(pattern: string, name: string): boolean {
  if (pattern === '*' || pattern === name) return true;
  return pattern.endsWith('/*') && name.startsWith(pattern.slice(0, -1));
}

function unique(words: readonly string[]): string[] {
  return [...new Set(words)];
}

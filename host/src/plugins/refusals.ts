/**
 * What a plugin reached for and was not granted: told to the operator once each, and counted. `docs/spec/config.md` 7.
 *
 * @module
 */

import type { Log, Requests } from '@alknet/sdk';
import { lineToAdd, missingGrants, nothingGranted } from './grants.ts';

/** `alpns` and `surfaces` are those of others: no grant gives them. */
export type ReachedMember = keyof Requests | 'alpns' | 'surfaces';

export interface Refusal {
  readonly member: ReachedMember;
  readonly entry: string;
  /** Times. */
  readonly count: number;
  /** What to write into the configuration; absent where the plugin does not request it, and no grant would help. */
  readonly add?: string;
}

/** Names that one plugin can make the node remember. */
const maxRefusals = 100;

export class Refusals {
  readonly #plugin: string;
  readonly #requests: Requests;
  readonly #log: Log;
  readonly #rows = new Map<string, Refusal>();

  constructor(plugin: string, requests: Requests, log: Log) {
    this.#plugin = plugin;
    this.#requests = requests;
    this.#log = log;
  }

  note(member: ReachedMember, entry: string): void {
    const key = `${member} ${entry}`;
    const known = this.#rows.get(key);
    if (known !== undefined) {
      this.#rows.set(key, { ...known, count: known.count + 1 });
      return;
    }
    if (this.#rows.size >= maxRefusals) return;
    const add = this.#lineToAdd(member, entry);
    this.#rows.set(key, { member, entry, count: 1, ...(add === undefined ? {} : { add }) });
    this.#log.warn('plugin reached for what it was not granted', {
      plugin: this.#plugin,
      member,
      entry,
      ...(add === undefined ? { advice: 'it does not request it, so no grant gives it' } : { add }),
    });
  }

  rows(): readonly Refusal[] {
    return [...this.#rows.values()];
  }

  #lineToAdd(member: ReachedMember, entry: string): string | undefined {
    if (member === 'alpns' || member === 'surfaces') return undefined;
    const wanted = asRequest(member, entry);
    // Covered by what it requests: then only the grant is missing.
    if (missingGrants(wanted, { ...nothingGranted, ...this.#requests }).length > 0) return undefined;
    const [type = '', word = ''] = entry.split('=');
    return lineToAdd(this.#plugin, {
      member,
      entry: member === 'resources' ? JSON.stringify({ [type]: [word] }) : entry,
    });
  }
}

function asRequest(member: keyof Requests, entry: string): Requests {
  if (member === 'gateway') return { gateway: true };
  if (member !== 'resources') return { [member]: [entry] };
  const [type = '', word = ''] = entry.split('=');
  return { resources: { [type]: [word] } };
}

/** The scope or resource that the text of a refusal names (`docs/spec/registry.md` 5). */
export function lackingRight(message: string): { member: 'scopes' | 'resources'; entry: string } | undefined {
  const [, all, any] = /^missing required scope(?:: (\S+)| \(any of: ([^,)]+).*\))$/.exec(message) ?? [];
  const scope = all ?? any;
  if (scope !== undefined) return { member: 'scopes', entry: scope };
  const [, type, action = '*'] = /^missing resource: ([^/]+)(?:\/(.+))?$/.exec(message) ?? [];
  return type === undefined ? undefined : { member: 'resources', entry: `${type}=${action}` };
}

/**
 * What the log says of a plugin of a third party before its code runs: where it came from, what it wishes and what it
 * may do. `docs/spec/config.md` 7 and 8.
 *
 * @module
 */

import type { Log, Requests } from '@alknet/sdk';
import { missingGrants } from './grants.ts';
import type { PluginInstance } from './instance.ts';

/** Once for each code; the same code again is no news. */
export function announceLoad(next: PluginInstance, previous: PluginInstance | undefined, log: Log): void {
  const { name, version, loaded, granted, requests, provenance } = next;
  if (loaded.builtIn) return;
  for (const problem of loaded.problems) log.warn('plugin files', { plugin: name, problem });
  if (previous?.provenance.integrity === provenance.integrity) return;
  const { signer } = provenance;
  log.notice('plugin is about to run', {
    plugin: name,
    package: loaded.package,
    version,
    integrity: loaded.integrity,
    signer: signer === undefined ? 'none' : `${signer.name} ${signer.key}`,
    requests: requestLines(requests).join(' ') || 'nothing',
    missing: missingGrants(requests, granted).length,
  });
}

/** Each as `member=entry`: what `--grant` of the command takes. */
export function requestLines(requests: Requests): string[] {
  const { resources = {}, gateway = false, ...lists } = requests;
  return [
    ...Object.entries(lists).flatMap(([member, words]) => (words ?? []).map((word) => `${member}=${word}`)),
    ...Object.entries(resources).flatMap(([type, words]) => words.map((word) => `resources=${type}=${word}`)),
    ...(gateway ? ['gateway'] : []),
  ];
}

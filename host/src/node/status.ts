/**
 * What a node says of itself, gathered from its parts. `docs/spec/registry.md` 15.
 *
 * @module
 */

import { createHash } from 'node:crypto';
import type { AcmeCertificates } from '../acme/index.ts';
import type { LiveConfig } from '../config/index.ts';
import type { Endpoint } from '../endpoint/index.ts';
import { type IdentityKey, identityCertificateDer } from '../identity/index.ts';
import type { NodeStatus } from '../operations/status.ts';
import type { PeerLinks } from '../peers/index.ts';
import { manyReloads, type PluginSupervisor } from '../plugins/index.ts';
import type { Registry } from '../registry/registry.ts';
import { acmeCertificateRows, fileCertificateRows } from './certificate-rows.ts';
import type { NodePeers } from './peers.ts';
import { protectionText } from './protection-text.ts';
import type { NodeSecrets } from './secrets.ts';
import type { NodeVault } from './vault.ts';
import type { WebCertificates } from './web-certificates.ts';

export interface StatusParts {
  readonly id: string;
  readonly z32: string;
  readonly version: string;
  readonly startedAt: Date;
  readonly live: LiveConfig;
  readonly endpoint: Endpoint;
  readonly supervisor: PluginSupervisor;
  readonly registry: Registry;
  readonly peers: NodePeers;
  readonly secrets: NodeSecrets;
  readonly links: PeerLinks;
  readonly vault: NodeVault;
  readonly certificate: IdentityKey;
  readonly file: WebCertificates;
  readonly acme: AcmeCertificates;
}

export function nodeStatus(parts: StatusParts): NodeStatus {
  const { live, endpoint, supervisor, registry, peers, links, startedAt } = parts;
  const vault = parts.vault.state();
  const { draining, listeners, connections, refused } = endpoint.status();
  const rows = supervisor.rows();
  return {
    id: parts.id,
    z32: parts.z32,
    name: live.current.name,
    version: parts.version,
    state: draining ? 'draining' : 'running',
    startedAt: startedAt.toISOString(),
    uptime: Math.round((Date.now() - startedAt.getTime()) / 1000),
    configuration: {
      path: live.path,
      revision: live.revision,
      loadedAt: live.loadedAt.toISOString(),
      restartNeeded: [...live.restartNeeded],
      ...(live.error === undefined ? {} : { error: live.error.message }),
    },
    listeners: listeners.map(({ transport, address, alpns }) => ({
      transport,
      address,
      alpns: [...alpns],
      state: 'up',
    })),
    certificates: [
      identityCertificateRow(parts.certificate),
      ...fileCertificateRows(parts.file),
      ...acmeCertificateRows(parts.acme),
    ],
    peersRevision: peers.table.revision,
    plugins: rows.map(({ name, state, alpns, instance, error }) => ({
      name,
      version: instance?.version ?? '',
      state,
      alpns: [...alpns],
      ...(error === undefined ? {} : { error: error.message }),
    })),
    peers: links.status(),
    connections,
    streams: endpoint.connections().reduce((sum, { streams }) => sum + streams, 0),
    calls: {
      running: registry.counts.running,
      subscriptions: registry.runningSubscriptions(),
      byOutcome: { ...registry.counts.byOutcome },
    },
    refused: { ...refused },
    registryRevision: registry.base.revision,
    vault: { state: vault.state, protection: protectionText(vault.protection) },
    memory: process.memoryUsage.rss(),
    problems: problemsOf(parts, rows),
  };
}

function identityCertificateRow(key: IdentityKey): NodeStatus['certificates'][number] {
  return {
    kind: 'identity',
    names: [],
    notBefore: '2020-01-01T00:00:00Z',
    notAfter: '9999-12-31T23:59:59Z',
    sha256: createHash('sha256').update(identityCertificateDer(key)).digest('hex'),
    state: 'in use',
  };
}

function problemsOf(
  { live, peers, secrets, links, file, acme }: StatusParts,
  rows: ReturnType<PluginSupervisor['rows']>,
): NodeStatus['problems'] {
  const since = new Date().toISOString();
  const found: [string, string | undefined][] = [
    [live.path, live.error?.message],
    ...live.warnings.map(({ message }): [string, string] => [live.path, message]),
    ['peers.json', peers.problem],
    ['secrets.json', secrets.problem],
    ['tls.cert', file.problem],
    ['tls.acme', acme.problem],
    ...rows.flatMap(({ name, error, instance }): [string, string | undefined][] => [
      [`plugins.${name}`, error?.message],
      ...(instance?.loaded.problems ?? []).map((text): [string, string] => [`plugins.${name}`, text]),
    ]),
    ...rows.map(({ name, reloads }): [string, string | undefined] => [
      `plugins.${name}`,
      reloads >= manyReloads
        ? `was reloaded ${reloads} times in the thread of the node, which gives the memory of old code back at a restart alone: restart the node`
        : undefined,
    ]),
    ...links.status().map(({ alias, error }): [string, string | undefined] => [`peers.${alias}`, error]),
    ...links.unmatchedExports().map((text): [string, string] => ['export', `${text} matches no import yet`]),
  ];
  return found.flatMap(([where, message]) => (message === undefined ? [] : [{ where, message, since }]));
}

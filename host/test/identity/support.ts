/** Nodes that prove real identities on real sockets, and the files that say who their peers are. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Connection } from '@alknet/sdk';
import { Endpoint, tlsTransport } from '../../src/endpoint/index.ts';
import { defaultSettings, type Identities } from '../../src/endpoint/owner.ts';
import { quicTransport } from '../../src/endpoint/quic/index.ts';
import {
  type IdentityKey,
  identityKey,
  NodeIdentities,
  PeerTable,
  parsePeers,
} from '../../src/identity/index.ts';
import { type EchoOwner, echo, recordingLog } from '../endpoint/support.ts';

/** IDENTITY and device 1 of the phrase of `docs/spec/vault.md` 14. */
export const vectorSecret = Buffer.from(
  '603aa5c626317fda4afd87b902e5c9de76c33f40834005245e1c5a675e92d700',
  'hex',
);
export const vectorFingerprint = 'ed25519:e78c2766a792f09bfccb51493968ac322283e8d021a30063784d806929762ecc';
export const otherSecret = Buffer.from(
  '550f05587732eeb6bd0de879f77b89e3593a655733f794be9a05dad90c3a1d24',
  'hex',
);
export const otherFingerprint = 'ed25519:733961f7573657324f22e91f06ea4f0b359e2efa0ccffc954616dadee7444daa';
export const vectorSshLine =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOeMJ2ankvCb/MtRSTlorDIig+jQIaMAY3hNgGkpdi7M';
export const vectorToken = 'alk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8';
export const vectorTokenHash = 'sha256:c94139726ee0cfbde4c2ce0fc7b63ebff0adae83a502c9e3aabece35cf412a9a';

export const createdAt = '2026-01-01T00:00:00Z';

/** A table of these entries; what is not given has its default. */
export function peerTable(t: TestContext, entries: readonly object[], now?: () => number): PeerTable {
  const table = new PeerTable(now);
  t.after(() => table.close());
  table.swap(entriesOf(entries), '1');
  return table;
}

export function entriesOf(entries: readonly object[]) {
  const peers = entries.map((entry) => ({ createdAt, ...entry }));
  return parsePeers({ format: 'alknet-peers', version: 1, peers }, 100_000);
}

export async function directory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'alknet-identity-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

export async function writePeers(dataDir: string, peers: readonly object[]): Promise<void> {
  const entries = peers.map((entry) => ({ createdAt, ...entry }));
  const file = { format: 'alknet-peers', version: 1, peers: entries };
  await writeFile(join(dataDir, 'peers.json'), JSON.stringify(file), { mode: 0o600 });
}

export interface IdentityNode {
  readonly endpoint: Endpoint;
  readonly identities: NodeIdentities;
  readonly peers: PeerTable;
  readonly owner: EchoOwner;
  port(transport: 'quic' | 'tls'): number;
}

export interface IdentityNodeOptions {
  readonly key?: IdentityKey | null;
  readonly peers?: readonly object[];
  readonly ca?: string;
  /** Shows another certificate than its own. */
  readonly showing?: (own: NodeIdentities) => Identities;
}

/** A node on loopback that answers `alknet/test` on both transports. */
export async function identityNode(t: TestContext, options: IdentityNodeOptions = {}): Promise<IdentityNode> {
  const peers = peerTable(t, options.peers ?? []);
  const key = options.key === undefined ? identityKey(vectorSecret) : options.key;
  const identities = new NodeIdentities({ key, peers, ca: () => options.ca });
  const endpoint = new Endpoint({
    transports: [quicTransport(), tlsTransport()],
    identities: options.showing?.(identities) ?? identities,
    settings: defaultSettings,
    log: recordingLog([]),
  });
  t.after(() => endpoint.close());
  const owner = echo('test', 'alknet/test');
  endpoint.enable(owner);
  await endpoint.listen([
    { transport: 'quic', host: '127.0.0.1', port: 0 },
    { transport: 'tls', host: '127.0.0.1', port: 0 },
  ]);
  const port = (transport: 'quic' | 'tls') => {
    const bound = endpoint.addresses.find((each) => each.transport === transport);
    if (bound === undefined) throw new Error(`no listener of ${transport}`);
    return bound.address.port;
  };
  return { endpoint, identities, peers, owner, port };
}

export interface Meeting {
  /** As the one that dialled sees it, and as the one that was dialled does. */
  readonly dialled: Connection;
  readonly accepted: Connection;
}

export async function meet(
  from: IdentityNode,
  to: IdentityNode,
  transport: 'quic' | 'tls',
  {
    pins = [to.identities.fingerprint],
    host = '127.0.0.1',
  }: { pins?: readonly string[]; host?: string } = {},
): Promise<Meeting> {
  const accepted = to.owner.next();
  const dialled = await from.endpoint.dial(
    { name: 'node', addresses: [{ host, port: to.port(transport) }], pins },
    { alpn: 'alknet/test', transport, timeoutMs: 5000 },
  );
  return { dialled, accepted: await accepted };
}

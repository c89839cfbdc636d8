/**
 * Entries of `peers.json`, checked whole. `docs/spec/identity.md` 4. Pure.
 *
 * @module
 */

import { isScope, parseAuthorizedKey } from '@alknet/sdk/streams';
import { normaliseFingerprint } from './fingerprint.ts';

export interface PeerEntry {
  readonly id: string;
  readonly displayName?: string;
  readonly fingerprints: readonly string[];
  readonly tokenHash?: string;
  readonly scopes: readonly string[];
  readonly resources: Readonly<Record<string, readonly string[]>>;
  readonly enabled: boolean;
  readonly createdAt: string;
  readonly expiresAt?: string;
  /** Lines of SSH keys, or `@/path` of a file with one; they open SSH alone. `docs/spec/ssh.md` 3.3. */
  readonly sshKeys?: readonly string[];
  /** `host:port`; `docs/spec/cli.md` 5. */
  readonly addresses?: readonly string[];
  /** Members that alknet does not know are kept. */
  readonly [member: string]: unknown;
}

/** Names the entry and the field. */
export class PeersFormatError extends Error {
  override readonly name = 'PeersFormatError';
  readonly code = 'PeersFormat';

  constructor(message: string) {
    super(`peers.json: ${message}`);
  }
}

const maxFingerprints = 32;
const reservedIds = new Set(['.', '..', 'local']);

export function peerIdFault(id: unknown): string | undefined {
  if (typeof id !== 'string' || !/^[A-Za-z0-9._-]{1,64}$/.test(id)) return 'expected [A-Za-z0-9._-]{1,64}';
  return reservedIds.has(id) ? `${id} is reserved` : undefined;
}

/** The entries of a file, defaults filled and frozen: they are shared by all who look. @throws PeersFormatError */
export function parsePeers(value: unknown, maxPeers: number): PeerEntry[] {
  if (typeof value !== 'object' || value === null) throw new PeersFormatError('expected an object');
  const { format, version, peers } = value as Record<string, unknown>;
  if (format !== 'alknet-peers' || version !== 1)
    throw new PeersFormatError('expected format "alknet-peers" and version 1');
  if (!Array.isArray(peers)) throw new PeersFormatError('peers: expected a list');
  if (peers.length > maxPeers)
    throw new PeersFormatError(`${peers.length} entries, identity.maxPeers is ${maxPeers}`);
  const entries = peers.map(parseEntry);
  checkUnique(entries);
  return entries;
}

export function parseEntry(value: unknown, index: number): PeerEntry {
  const at = (field: string, fault: string) => {
    const id = (value as Record<string, unknown> | null)?.['id'];
    const name = typeof id === 'string' ? `entry ${JSON.stringify(id)}` : `entry ${index}`;
    return new PeersFormatError(`${name}, ${field}: ${fault}`);
  };
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw at('entry', 'expected an object');
  const entry = value as Record<string, unknown>;
  const id = peerIdFault(entry['id']);
  if (id !== undefined) throw at('id', id);
  const { displayName, tokenHash, createdAt, expiresAt } = entry;
  if (displayName !== undefined && (typeof displayName !== 'string' || displayName.length > 128)) {
    throw at('displayName', 'expected at most 128 characters');
  }
  if (
    tokenHash !== undefined &&
    (typeof tokenHash !== 'string' || !/^sha256:[0-9a-f]{64}$/.test(tokenHash))
  ) {
    throw at('tokenHash', 'expected sha256: and 64 hex digits');
  }
  for (const [field, time] of Object.entries({ createdAt, expiresAt })) {
    if (time === undefined && field === 'expiresAt') continue;
    if (typeof time !== 'string' || !isTime(time))
      throw at(field, 'expected a time such as 2026-01-31T12:00:00Z');
  }
  if (entry['enabled'] !== undefined && typeof entry['enabled'] !== 'boolean')
    throw at('enabled', 'expected true or false');
  const scopes = texts(entry['scopes'], (fault) => at('scopes', fault));
  if (!scopes.every(isScope)) throw at('scopes', 'expected words of 1 to 128 visible ASCII characters');
  return Object.freeze({
    ...entry,
    id: entry['id'] as string,
    createdAt: createdAt as string,
    fingerprints: fingerprintsOf(entry['fingerprints'], (fault) => at('fingerprints', fault)),
    scopes,
    resources: resourcesOf(entry['resources'], (fault) => at('resources', fault)),
    ...(entry['sshKeys'] === undefined
      ? {}
      : { sshKeys: sshKeysOf(entry['sshKeys'], (fault) => at('sshKeys', fault)) }),
    enabled: entry['enabled'] !== false,
  });
}

/** RFC 3339 5.6. A day that the month has not would be read as one of the next month. */
export function isTime(text: string): boolean {
  const match = /^(\d{4})-(\d\d)-(\d\d)T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/.exec(text);
  if (match === null || Number.isNaN(Date.parse(text))) return false;
  const [, year, month, day] = match.map(Number);
  return new Date(Date.UTC(year ?? 0, (month ?? 0) - 1, day)).getUTCDate() === day;
}

function texts(value: unknown, at: (fault: string) => PeersFormatError): readonly string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.some((item) => typeof item !== 'string'))
    throw at('expected a list of texts');
  return Object.freeze([...value]);
}

function fingerprintsOf(value: unknown, at: (fault: string) => PeersFormatError): readonly string[] {
  const list = texts(value, at);
  if (list.length > maxFingerprints)
    throw at(`${list.length} entries, at most ${maxFingerprints} are allowed`);
  const normal = list.map((text) => {
    try {
      return normaliseFingerprint(text);
    } catch (error) {
      throw at(error instanceof Error ? error.message : String(error));
    }
  });
  return Object.freeze(normal);
}

/** The file behind `@/path` is read by who uses it. */
function sshKeysOf(value: unknown, at: (fault: string) => PeersFormatError): readonly string[] {
  const lines = texts(value, at);
  if (lines.length > maxFingerprints)
    throw at(`${lines.length} lines, at most ${maxFingerprints} are allowed`);
  for (const [index, line] of lines.entries()) {
    if (line.startsWith('@/')) continue;
    try {
      parseAuthorizedKey(line);
    } catch (error) {
      throw at(`line ${index + 1}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return lines;
}

function resourcesOf(
  value: unknown,
  at: (fault: string) => PeersFormatError,
): Record<string, readonly string[]> {
  if (value === undefined) return {};
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw at('expected an object of type to words');
  return Object.freeze(
    Object.fromEntries(Object.entries(value).map(([type, words]) => [type, texts(words, at)])),
  );
}

function checkUnique(entries: readonly PeerEntry[]): void {
  const seen = new Map<string, string>();
  const once = (kind: string, text: string, id: string) => {
    const other = seen.get(`${kind} ${text}`);
    if (other !== undefined) {
      const both =
        kind === 'id'
          ? `entry ${JSON.stringify(id)} stands twice`
          : `entries ${JSON.stringify(other)} and ${JSON.stringify(id)} have the same ${kind}`;
      throw new PeersFormatError(both);
    }
    seen.set(`${kind} ${text}`, id);
  };
  for (const { id, fingerprints, tokenHash } of entries) {
    once('id', id, id);
    for (const fingerprint of fingerprints) once('fingerprint', fingerprint, id);
    if (tokenHash !== undefined) once('tokenHash', tokenHash, id);
  }
}

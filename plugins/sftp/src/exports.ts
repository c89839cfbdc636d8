/**
 * Who sees which exports: the pool of the configuration, and what each identity is granted of it or beside it.
 * `docs/spec/sftp.md` 2.
 *
 * @module
 */

import { realpath, stat } from 'node:fs/promises';
import type { Identity, IdentityLookup, Log } from '@alknet/sdk';
import { type ExportEntry, ExportFault, exportsOf, parseExport } from './rooted/export-entry.ts';
import type { Granted } from './rooted/export-source.ts';

export class Exports {
  readonly #log: Log;
  #pool: ReadonlyMap<string, ExportEntry> = new Map();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Takes a new pool. Entries that cannot be served are told and left out. */
  async load(texts: readonly string[]): Promise<void> {
    const pool = new Map<string, ExportEntry>();
    for (const text of texts) {
      try {
        const entry = parseExport(text);
        if (pool.has(entry.name)) throw new ExportFault(`export ${entry.name} is there twice`);
        pool.set(entry.name, entry.path.includes('{peer}') ? entry : await canonical(entry));
      } catch (error) {
        const problem = error instanceof Error ? error.message : String(error);
        this.#log.warn('export absent', { export: text.split(':')[0], problem });
      }
    }
    this.#pool = pool;
  }

  /** Of an identity as it is now. */
  of({ id, resources }: Identity): ExportEntry[] {
    return exportsOf(resources['sftp'] ?? [], this.#pool, id, (problem) =>
      this.#log.warn('export absent', { peer: id, problem }),
    );
  }

  /**
   * Of whoever is at the other end of a connection, at each look: a peer's follow its entry, those of an identity that no
   * entry is of stay what they were at login.
   */
  granted(identity: Identity, fingerprint: string | null, lookup: IdentityLookup): Granted {
    let pool = this.#pool;
    let seen = identity;
    let found = this.of(identity);
    return () => {
      const current =
        lookup.peers?.resolvePeer(identity.id) ??
        (fingerprint === null ? undefined : lookup.resolveFingerprint(fingerprint));
      const now = current?.id === identity.id ? current : identity;
      if (now === seen && pool === this.#pool) return found;
      seen = now;
      pool = this.#pool;
      const entries = this.of(now);
      // The same array means that nothing is to be done.
      if (JSON.stringify(entries) !== JSON.stringify(found)) found = entries;
      return found;
    };
  }
}

async function canonical(entry: ExportEntry): Promise<ExportEntry> {
  const path = await realpath(entry.path);
  if (!(await stat(path)).isDirectory())
    throw new ExportFault(`export ${entry.name}: ${entry.path} is not a directory`);
  return { ...entry, path };
}

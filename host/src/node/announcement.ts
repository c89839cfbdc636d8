/**
 * `node.json` kept true while the node runs: written anew after whatever changes it. `docs/spec/cli.md` 1.
 *
 * @module
 */

import type { Log } from '@alknet/sdk';
import type { LiveConfig } from '../config/index.ts';
import type { Endpoint } from '../endpoint/index.ts';
import { type NodeFile, processStartTime, removeNodeFile, writeNodeFile } from '../node-file.ts';
import type { Registry } from '../registry/registry.ts';
import type { NodePeers } from './peers.ts';

/** Milliseconds in which many changes of the registry become one. */
const gathering = 200;

export interface AnnouncementParts {
  readonly dataDir: string;
  readonly id: string;
  readonly z32: string;
  readonly version: string;
  readonly live: LiveConfig;
  readonly endpoint: Endpoint;
  readonly peers: NodePeers;
  readonly registry: Registry;
  readonly log: Log;
}

export class Announcement {
  readonly #parts: AnnouncementParts;
  readonly #startTime = processStartTime(process.pid);
  #written: Promise<void> = Promise.resolve();
  #gathering = false;
  #over = false;

  constructor(parts: AnnouncementParts) {
    this.#parts = parts;
    // A plugin's code and a peer's imports change with no file of ours.
    parts.registry.base.onChange(() => {
      if (this.#over || this.#gathering) return;
      this.#gathering = true;
      setTimeout(() => {
        this.#gathering = false;
        void this.write();
      }, gathering).unref();
    });
  }

  /** Settles when the file says what holds now; a failure is in the log. */
  write(): Promise<void> {
    const { dataDir, log } = this.#parts;
    this.#written = this.#written
      .then(async () => {
        if (!this.#over) await writeNodeFile(dataDir, this.#file());
      })
      .catch((error: unknown) => log.error('node.json not written', { error }));
    return this.#written;
  }

  /** Nothing is written any more; the file stays until `remove`. */
  async end(): Promise<void> {
    this.#over = true;
    await this.#written;
  }

  remove(): Promise<void> {
    return removeNodeFile(this.#parts.dataDir);
  }

  #file(): NodeFile {
    const { id, z32, version, live, endpoint, peers, registry } = this.#parts;
    return {
      pid: process.pid,
      ...(this.#startTime === undefined ? {} : { startTime: this.#startTime }),
      id,
      z32,
      version,
      addresses: endpoint.addresses.map(({ transport, address }) => ({ transport, ...address })),
      config: {
        path: live.path,
        revision: live.revision,
        ...(live.error === undefined ? {} : { error: live.error.message }),
      },
      peersRevision: peers.table.revision,
      ...(peers.problem === undefined ? {} : { peersError: peers.problem }),
      operations: registry.base
        .all()
        .flatMap(({ operation: { name, visibility } }) => (visibility === 'internal' ? [] : [name])),
    };
  }
}

/**
 * The sessions that run: how many, whose, and what the log says of them. `docs/spec/sftp.md` 2, 4 and 8.
 *
 * @module
 */

import type { Duplex } from 'node:stream';
import type { Connection, Identity, IdentityLookup, Log } from '@alknet/sdk';
import { type Config, idleTimeoutOf } from './config.ts';
import type { Exports } from './exports.ts';
import { ExportSource } from './rooted/export-source.ts';
import { ExportTree } from './rooted/export-tree.ts';
import { Session, type SessionEnd } from './session/session.ts';

/** Milliseconds to the first packet. */
const greetingTimeout = 30_000;

interface Running {
  readonly session: Session;
  readonly peer: string;
  readonly via: string;
  readonly since: string;
}

export interface SessionFacts {
  readonly id: number;
  readonly peer: string;
  /** How it came: `quic`, `tls`, or the label of the plugin that handed it over. */
  readonly via: string;
  readonly since: string;
  readonly handles: number;
  /** Bytes of data. */
  readonly read: number;
  readonly written: number;
}

export interface SessionParts {
  readonly exports: Exports;
  readonly identity: IdentityLookup;
  readonly log: Log;
  readonly config: () => Config;
}

export class Sessions {
  readonly #parts: SessionParts;
  readonly #running = new Map<number, Running>();
  #made = 0;
  /** Sessions that have a place, by identity; not all of them run yet. */
  readonly #places = new Map<string, number>();

  constructor(parts: SessionParts) {
    this.#parts = parts;
  }

  /** Serves one stream to its end. Never rejects. */
  async serve(stream: Duplex, connection: Connection): Promise<void> {
    const { identity } = connection.auth;
    // An error of the stream ends the session; there is nobody else to tell.
    stream.on('error', () => {});
    const refusal = identity === null ? 'no identity' : this.#refusal(identity);
    if (identity === null || refusal !== undefined) {
      this.#parts.log.info('sftp refused', {
        peer: identity?.id ?? null,
        remote: connection.remote,
        refusal,
      });
      return refuse(stream);
    }
    const taken = this.#places.get(identity.id) ?? 0;
    this.#places.set(identity.id, taken + 1);
    try {
      await this.#serve(stream, connection, identity);
    } finally {
      const left = (this.#places.get(identity.id) ?? 1) - 1;
      if (left === 0) this.#places.delete(identity.id);
      else this.#places.set(identity.id, left);
    }
  }

  #refusal({ id }: Identity): string | undefined {
    const { perIdentity, total } = this.#parts.config().maxSessions;
    if ((this.#places.get(id) ?? 0) >= perIdentity) return 'maxSessions.perIdentity';
    const all = [...this.#places.values()].reduce((sum, each) => sum + each, 0);
    return all >= total ? 'maxSessions.total' : undefined;
  }

  async #serve(stream: Duplex, connection: Connection, identity: Identity): Promise<void> {
    const { exports, identity: lookup, config } = this.#parts;
    const id = ++this.#made;
    const { remote, transport: via } = connection;
    const log = this.#parts.log.child({ session: id, peer: identity.id });
    const source = new ExportSource(
      exports.granted(identity, connection.auth.fingerprint, lookup),
      (name, error) =>
        log.warn('export absent', { export: name, problem: error instanceof Error ? error.message : error }),
    );
    await source.refresh();
    if (source.roots.size === 0) {
      source.close();
      log.info('sftp refused', { remote, refusal: 'no export' });
      return refuse(stream);
    }
    const settings = config();
    const { maxPacket, maxInFlight, maxHandles, allowOwner, followLinks } = settings;
    const tree = new ExportTree(source, {
      allowOwner,
      followLinks,
      onDenied: (name) => log.notice('sftp change denied', { export: name, remote }),
    });
    const session = new Session(stream, tree, {
      maxPacket,
      maxInFlight,
      maxHandles,
      greetingTimeout,
      idleTimeout: idleTimeoutOf(settings),
      onDefect: (error) => log.error('sftp request failed', { error }),
    });
    this.#running.set(id, { session, peer: identity.id, via, since: new Date().toISOString() });
    log.info('sftp open', { remote, via, exports: [...source.roots.keys()] });
    let end: SessionEnd = 'reset';
    try {
      end = await session.run();
    } finally {
      this.#running.delete(id);
      const { bytesRead: read, bytesWritten: written } = session.requests;
      log.info('sftp closed', { remote, end, requests: session.received, read, written });
    }
  }

  list(): SessionFacts[] {
    return [...this.#running].map(([id, { session, peer, via, since }]) => ({
      id,
      peer,
      via,
      since,
      handles: session.requests.handles.size,
      read: session.requests.bytesRead,
      written: session.requests.bytesWritten,
    }));
  }
}

/** Closes without a word. */
function refuse(stream: Duplex): void {
  stream.resume();
  stream.end();
}

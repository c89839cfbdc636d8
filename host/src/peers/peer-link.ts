/**
 * One entry of `peers`: keeps a connection to that node, or waits for it to connect, and imports what it offers as long
 * as the connection lives. `docs/spec/registry.md` 13.1 and 13.2.
 *
 * @module
 */

import { CloseCode, type CloseInfo, type Log, type RemoteCaller } from '@alknet/sdk';
import { DialError } from '../endpoint/index.ts';
import type { ConnectedPeer, ConnectedPeers } from '../registry/connected-peers.ts';
import { pause } from '../registry/offered-operations.ts';
import type { Owner } from '../registry/registration.ts';
import type { Registry } from '../registry/registry.ts';
import { refusedWait, settledAfter, waitAfter } from './backoff.ts';
import { type ImportSettings, PeerImport } from './peer-import.ts';

export type LinkState = 'connecting' | 'online' | 'backoff' | 'refused' | 'disabled';

export interface LinkStatus {
  readonly alias: string;
  readonly id?: string;
  readonly state: LinkState;
  readonly operations: number;
  readonly error?: string;
}

export interface LinkSettings extends ImportSettings {
  /** Dial, or wait for the peer to connect. */
  readonly dials: boolean;
}

export interface LinkParts {
  readonly registry: Registry;
  readonly owner: Owner;
  readonly log: Log;
  /** Peer id behind the alias, as `peers.json` says now. */
  peerId(): string | undefined;
  /** A new connection with a session on it. @throws DialError */
  dial(signal: AbortSignal): Promise<LinkSession>;
}

export interface LinkSession extends RemoteCaller {
  readonly closed: Promise<CloseInfo>;
  close(): void;
  /** Of the remote in `peers.json`, `undefined` when it is not there. */
  readonly peer: string | undefined;
}

/** Milliseconds for which changes of a remote's registry are gathered. */
const calm = 100;

/** Failures that stay until somebody changes something. */
const refusals = new Set([
  'PeerMismatch',
  'NoAlpn',
  'UnknownIdentity',
  'UntrustedChain',
  'NoRemoteCertificate',
]);

export class PeerLink {
  readonly #parts: LinkParts;
  readonly #import: PeerImport;
  #settings: LinkSettings;
  #state: LinkState = 'connecting';
  #error: string | undefined;
  #importError: string | undefined;
  #connected: ConnectedPeer | undefined;
  readonly #ending = new AbortController();
  /** What is waited for ends early: something has changed. */
  #wake = new AbortController();
  #failures = 0;
  readonly #running: Promise<void>;

  constructor(settings: LinkSettings, parts: LinkParts) {
    this.#settings = settings;
    this.#parts = parts;
    this.#import = new PeerImport(parts.registry, parts.owner, () => this.#connected);
    this.#running = this.#run();
  }

  get status(): LinkStatus {
    const id = this.#connected?.id ?? this.#parts.peerId();
    const error = this.#error ?? this.#importError;
    return {
      alias: this.#settings.alias,
      ...(id === undefined ? {} : { id }),
      state: this.#state,
      operations: this.#import.operations,
      ...(error === undefined ? {} : { error }),
    };
  }

  get connected(): ConnectedPeer | undefined {
    return this.#connected;
  }

  /** Other rules of what is imported and exported, on the same connection. */
  configure(settings: LinkSettings): void {
    this.#settings = settings;
    this.#awake();
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    this.#awake();
    await this.#running;
  }

  #awake(): void {
    const before = this.#wake;
    this.#wake = new AbortController();
    before.abort();
  }

  #become(state: LinkState, error?: string): void {
    const changed = state !== this.#state || error !== this.#error;
    this.#state = state;
    this.#error = error;
    if (!changed) return;
    const { alias } = this.#settings;
    this.#parts.log.info('peer state', { alias, state, ...(error === undefined ? {} : { reason: error }) });
  }

  async #run(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      this.#become('connecting', this.#error);
      const since = performance.now();
      let reason: { readonly text: string; readonly refused: boolean };
      try {
        const { peer, own } = await this.#reach(signal);
        this.#connected = peer;
        this.#become('online');
        await this.#keepImported(peer);
        own?.close();
        // Without a connection of our own, the other one goes on when this link ends.
        reason = signal.aborted ? stopped : lost(await peer.remote.closed);
      } catch (error) {
        reason = failed(error);
      } finally {
        this.#connected = undefined;
        this.#import.withdraw();
      }
      if (signal.aborted) break;
      const settled = this.#state === 'online' && performance.now() - since >= settledAfter;
      this.#failures = settled ? 1 : this.#failures + 1;
      // One that connects by itself comes when it likes.
      if (!this.#settings.dials) continue;
      this.#become(reason.refused ? 'refused' : 'backoff', reason.text);
      await pause(reason.refused ? refusedWait : waitAfter(this.#failures, Math.random()), signal);
    }
  }

  /** The peer by a connection that it has made already, by dialling, or when it comes. */
  async #reach(signal: AbortSignal): Promise<{ peer: ConnectedPeer; own?: LinkSession }> {
    const { registry, peerId, dial } = this.#parts;
    const present = () => {
      const id = peerId();
      return id === undefined ? undefined : registry.peers.find(id);
    };
    const there = present();
    if (there !== undefined) return { peer: there };
    if (this.#settings.dials) {
      const session = await dial(signal);
      const close = () => session.close();
      signal.addEventListener('abort', close, { once: true });
      void session.closed.then(() => signal.removeEventListener('abort', close));
      const id = session.peer ?? this.#settings.alias;
      return { peer: registry.peers.attach({ id, remote: session }), own: session };
    }
    return { peer: await arrival(registry.peers, present, signal) };
  }

  /** Imports at once, and again whenever the remote's registry, or what is asked for, has changed. */
  async #keepImported(peer: ConnectedPeer): Promise<void> {
    let failures = 0;
    const over = new AbortController();
    void peer.remote.closed.then(() => {
      over.abort();
      this.#awake();
    });
    let stale = false;
    const unlisten = peer.offers.onStale(() => {
      stale = true;
      this.#awake();
    });
    try {
      while (!over.signal.aborted && !this.#ending.signal.aborted) {
        const wake = this.#wake.signal;
        const error = await this.#import.take(peer, this.#settings);
        if (over.signal.aborted) return;
        this.#importError = error;
        failures = error === undefined ? 0 : failures + 1;
        if (error !== undefined) {
          this.#parts.log.warn('import failed', { alias: this.#settings.alias, reason: error });
          await pause(waitAfter(failures, Math.random()), wake);
        } else {
          await aborted(wake);
          // A remote that changes all the time does not keep this node reading.
          if (stale) await pause(calm, over.signal);
          stale = false;
        }
      }
    } finally {
      unlisten();
      this.#importError = undefined;
    }
  }
}

function failed(error: unknown): { text: string; refused: boolean } {
  const text = error instanceof Error ? error.message : String(error);
  return { text, refused: error instanceof DialError && refusals.has(error.code) };
}

/** `AUTH_REQUIRED` and `REVOKED` of `docs/spec/endpoint.md` 5. */
function lost(info: unknown): { text: string; refused: boolean } {
  const { code = 0, reason = '' } = (info ?? {}) as Partial<CloseInfo>;
  const words = reason === '' ? '' : ` ${reason}`;
  return { text: `connection closed with code ${code}${words}`, refused: refusalCodes.has(code) };
}

const refusalCodes: ReadonlySet<number> = new Set([CloseCode.AUTH_REQUIRED, CloseCode.REVOKED]);
const stopped = { text: 'stopped', refused: false };

/** The peer, as soon as it is there. Rejects when the signal is aborted before. */
function arrival(
  peers: ConnectedPeers,
  present: () => ConnectedPeer | undefined,
  signal: AbortSignal,
): Promise<ConnectedPeer> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      unlisten();
      signal.removeEventListener('abort', gone);
    };
    const gone = () => {
      stop();
      reject(signal.reason);
    };
    const unlisten = peers.onChange(() => {
      const peer = present();
      if (peer === undefined) return;
      stop();
      resolve(peer);
    });
    signal.addEventListener('abort', gone, { once: true });
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** The session with the node of this page: opened with a token, and again when it is lost. */

import { CallError, type CallOptions, connect, type Session } from '@alknet/sdk/browser';

export interface LinkEvents {
  opened(): void;
  lost(reason: string): void;
  /** The node has taken the token back. */
  revoked(): void;
}

/** Milliseconds before another try. */
const firstPause = 500;
const longestPause = 10_000;
/** What the node says to whom it knows no longer, RFC 6455 7.4.1. */
const policyViolation = 1008;

export class NodeLink {
  readonly #events: LinkEvents;
  #token = '';
  #session: Session | undefined;
  #left = new AbortController();

  constructor(events: LinkEvents) {
    this.#events = events;
  }

  /** @throws Error that a person can read, when the first session does not open */
  async signIn(token: string): Promise<void> {
    this.#left = new AbortController();
    this.#token = token;
    try {
      await this.#open();
    } catch {
      throw new Error(
        (await isThere())
          ? 'The node does not know this token: it is mistyped, expired, or was taken back.'
          : 'The node does not answer.',
      );
    }
    void this.#stay();
  }

  signOut(): void {
    this.#left.abort();
    this.#token = '';
    this.#session?.close();
    this.#session = undefined;
  }

  call(name: string, input: unknown = {}, options?: CallOptions): Promise<unknown> {
    return this.#session?.call(name, input, options) ?? Promise.reject(notConnected());
  }

  async *subscribe(name: string, input: unknown, signal: AbortSignal): AsyncGenerator<unknown, void> {
    if (this.#session === undefined) throw notConnected();
    yield* this.#session.subscribe(name, input, { signal });
  }

  async #open(): Promise<void> {
    this.#session = await connect(location.origin, { token: this.#token, signal: this.#left.signal });
    this.#events.opened();
  }

  async #stay(): Promise<void> {
    const { signal } = this.#left;
    while (!signal.aborted) {
      const { code, reason } = (await this.#session?.closed) ?? { code: 0, reason: '' };
      this.#session = undefined;
      if (signal.aborted) return;
      if (code === policyViolation) return this.#events.revoked();
      this.#events.lost(reason);
      for (let pause = firstPause; !signal.aborted; pause = Math.min(longestPause, pause * 2)) {
        await new Promise((resolve) => setTimeout(resolve, pause));
        try {
          if (!signal.aborted) await this.#open();
          break;
        } catch {
          if (!signal.aborted && (await isThere())) return this.#events.revoked();
        }
      }
    }
  }
}

function notConnected(): CallError {
  return new CallError('INTERNAL', 'not connected to the node');
}

/** A browser tells nobody why a WebSocket did not open: a node that is well and refuses does not know the token. */
async function isThere(): Promise<boolean> {
  try {
    return (await fetch('/healthz', { cache: 'no-store' })).ok;
  } catch {
    return false;
  }
}

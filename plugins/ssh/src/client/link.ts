/**
 * One SSH connection to a node, made again whenever it is lost. `docs/spec/ssh.md` 8.2.
 *
 * @module
 */

import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import ssh2, { type Algorithms, type Client } from 'ssh2';
import { Backoff } from './backoff.ts';

export interface LinkOptions {
  /** A fresh stream on `alknet/ssh`. */
  dial(signal: AbortSignal): Promise<Duplex>;
  /** The host key that the node must show: the SSH blob, as `ssh/hostkey` gives it. */
  readonly hostKey: Buffer;
  readonly user: string;
  /** OpenSSH private key. */
  readonly privateKey: string | Buffer;
  readonly algorithms: Algorithms;
  /** Waits of the reconnect; tests give their own clock. */
  readonly wait?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  readonly now?: () => number;
}

/** The node showed another host key than the one that is pinned: nothing was offered to it, and nothing is tried again. */
export class HostKeyMismatchError extends Error {
  override readonly name = 'HostKeyMismatchError';
}

/** The node refused the login; trying again would not help. */
export class LoginRefusedError extends Error {
  override readonly name = 'LoginRefusedError';
}

/** There is no session now, and none came in the time that a new connection waits for one. */
export class NoSessionError extends Error {
  override readonly name = 'NoSessionError';
}

interface LinkEvents {
  /** A session is up; remote forwards are asked for here. */
  up: [client: Client];
  /** It is lost. `wait` is the time until the next attempt, in milliseconds. */
  down: [reason: string, wait: number];
}

/** Milliseconds from the identification line to the login. */
const readyMs = 20_000;
const keepaliveMs = 30_000;
const keepaliveMisses = 3;

export class SshLink extends EventEmitter<LinkEvents> {
  readonly #options: LinkOptions;
  readonly #controller = new AbortController();
  #client: Client | undefined;

  constructor(options: LinkOptions) {
    super();
    this.#options = options;
  }

  /**
   * Connects, and after each loss again, until `close`. Resolves after `close`; `once` also at the first loss.
   *
   * @throws the failure of the first connection; HostKeyMismatchError or LoginRefusedError of any
   */
  async run({ once = false } = {}): Promise<void> {
    const { wait = pause, now = Date.now } = this.#options;
    const { signal } = this.#controller;
    const backoff = new Backoff();
    for (let first = true; !signal.aborted; first = false) {
      let since: number | undefined;
      let reason = 'the connection was closed';
      try {
        const { client, lost } = await this.#connect();
        since = now();
        this.#client = client;
        this.emit('up', client);
        reason = await lost;
      } catch (error) {
        if (signal.aborted) return;
        if (first || error instanceof HostKeyMismatchError || error instanceof LoginRefusedError) throw error;
        reason = error instanceof Error ? error.message : String(error);
      }
      this.#client = undefined;
      if (signal.aborted || once) return;
      const milliseconds = backoff.next(since === undefined ? 0 : now() - since);
      this.emit('down', reason, milliseconds);
      await wait(milliseconds, signal).catch(() => {});
    }
  }

  /** The session, or the next one when it comes in time. @throws NoSessionError */
  client(withinMs: number): Promise<Client> {
    const client = this.#client;
    if (client !== undefined) return Promise.resolve(client);
    const { signal } = this.#controller;
    return new Promise((resolve, reject) => {
      const over = () => {
        clearTimeout(timer);
        this.off('up', onUp);
        signal.removeEventListener('abort', onTimeout);
      };
      const onUp = (next: Client) => {
        over();
        resolve(next);
      };
      const onTimeout = () => {
        over();
        reject(new NoSessionError('the session is down'));
      };
      const timer = setTimeout(onTimeout, signal.aborted ? 0 : withinMs);
      this.on('up', onUp);
      signal.addEventListener('abort', onTimeout, { once: true });
    });
  }

  close(): void {
    this.#controller.abort();
    this.#client?.end();
    this.#client?.destroy();
  }

  /** A session that is logged in, and the reason of its loss when that comes. */
  async #connect(): Promise<{ client: Client; lost: Promise<string> }> {
    const { dial, hostKey, user, privateKey, algorithms } = this.#options;
    const { signal } = this.#controller;
    const sock = await dial(signal);
    const client = new ssh2.Client();
    let mismatch = false;
    let failure: (Error & { level?: string }) | undefined;
    const closed = new Promise<void>((resolve) => {
      client.once('close', () => resolve());
    });
    // The library only ends its half of the stream then, and a node that goes on would keep it open.
    client.on('error', (error) => {
      failure ??= error;
      sock.destroy();
    });
    const ready = new Promise<void>((resolve) => {
      client.once('ready', () => resolve());
    });
    client.connect({
      sock,
      username: user,
      privateKey,
      algorithms,
      readyTimeout: readyMs,
      keepaliveInterval: keepaliveMs,
      keepaliveCountMax: keepaliveMisses,
      authHandler: ['publickey'],
      hostVerifier: (key: Buffer) => {
        mismatch = !hostKey.equals(key);
        return !mismatch;
      },
    });
    const abort = () => client.destroy();
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    const up = await Promise.race([ready.then(() => true), closed.then(() => false)]);
    const lost = closed.then(() => {
      signal.removeEventListener('abort', abort);
      return failure?.message ?? 'the connection was closed';
    });
    if (up) return { client, lost };
    sock.destroy();
    if (mismatch)
      throw new HostKeyMismatchError('the node shows another SSH host key than the one that is pinned');
    if (failure?.level === 'client-authentication')
      throw new LoginRefusedError('the node refused the login: it does not know this key');
    throw new Error(
      `the SSH session could not be opened: ${failure?.message ?? 'the connection was closed'}`,
    );
  }
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal });
}

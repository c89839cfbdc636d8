/**
 * The certificate of `tls.acme`: ordered and renewed in the background while the node serves. `docs/spec/identity.md`
 * 7.3.
 *
 * @module
 */

import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Log } from '@alknet/sdk';
import type { Certificate } from '../endpoint/engine.ts';
import { challengeCertificate, type WebCertificate, webCertificate } from '../identity/index.ts';
import { accountKey, keepCertificate, keptCertificate } from './cache.ts';
import { AuthorityBusy } from './connection.ts';
import { orderCertificate } from './order.ts';

export interface AcmeSettings {
  /** DNS names in lower case. */
  readonly domains: readonly string[];
  /** URL. */
  readonly directory: string;
  readonly contact: readonly string[];
  /** Absolute path of a folder. */
  readonly cacheDir: string;
}

const minute = 60_000;
const hour = 60 * minute;
/** Milliseconds between two looks at the certificate in use, and by how much they are spread at most. */
const checkEvery = 12 * hour;
const jitter = hour;
/** Milliseconds after the first failure, doubling to the second. */
const retry = [minute, 6 * hour] as const;

export class AcmeCertificates {
  readonly #log: Log;
  readonly #ca: () => string | undefined;
  #settings: AcmeSettings | undefined;
  /** By which the last order trusted the directory. */
  #trusted: string | undefined;
  #current: WebCertificate | undefined;
  #problem: string | undefined;
  readonly #challenges = new Map<string, Certificate>();
  #task: { readonly stop: AbortController; readonly done: Promise<void> } | undefined;

  /** @param ca - PEM bundle beside the usual roots, by which the directory is trusted; read at each order */
  constructor(log: Log, ca: () => string | undefined) {
    this.#log = log;
    this.#ca = ca;
  }

  /** `undefined`: none is configured, or none has been issued yet. */
  get current(): WebCertificate | undefined {
    return this.#current;
  }

  get domains(): readonly string[] {
    return this.#settings?.domains ?? [];
  }

  /** Why the last order failed, or the cache cannot be used. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** For a client that names this server; only a name of `tls.acme.domains` has one. */
  certificateFor(serverName: string): WebCertificate | undefined {
    const isOurs = this.domains.includes(serverName.toLowerCase());
    return isOurs && this.#current?.coversName(serverName) === true ? this.#current : undefined;
  }

  /** What the ACME server is shown for this name, while an order is open. */
  challengeFor(serverName: string): Certificate | undefined {
    return this.#challenges.get(serverName.toLowerCase());
  }

  /** Takes what the cache holds; orders nothing. A cache that cannot be used is a problem to tell, and no end. */
  async load(settings: AcmeSettings | undefined): Promise<void> {
    this.#settings = settings;
    this.#problem = undefined;
    let kept: WebCertificate | undefined;
    try {
      kept = settings && (await keptCertificate(settings.cacheDir, settings.directory));
    } catch (error) {
      this.#failed('certificate kept cannot be used', error);
    }
    this.#current = kept;
  }

  /** Begins to look after the certificate, when the node listens. */
  begin(): void {
    if (this.#settings === undefined) return;
    const stop = new AbortController();
    this.#task = { stop, done: this.#lookAfter(this.#settings, stop.signal) };
  }

  /** After a change of the configuration. */
  async follow(settings: AcmeSettings | undefined): Promise<void> {
    // Other authorities of TLS may be the cure of a failure, which must not wait for its next try.
    const isCure = this.#problem !== undefined && this.#trusted !== this.#ca();
    if (isDeepStrictEqual(settings, this.#settings) && !isCure) return;
    await this.close();
    await this.load(settings);
    this.begin();
  }

  /** Resolves when the background has ended and nothing is written any more. */
  async close(): Promise<void> {
    const task = this.#task;
    this.#task = undefined;
    task?.stop.abort();
    await task?.done;
  }

  async #lookAfter(settings: AcmeSettings, signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      let wait = checkEvery + Math.random() * jitter;
      try {
        if (isDue(this.#current, settings.domains)) await this.#order(settings, signal);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        this.#failed('certificate order failed', error);
        const asked = error instanceof AuthorityBusy ? error.retryAfter : 0;
        // A timer of Node.js holds 24 days.
        wait = Math.min(Math.max(asked, waitAfter(failures++)), 20 * 24 * hour);
      } finally {
        this.#challenges.clear();
      }
      await pause(wait, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  async #order(settings: AcmeSettings, signal: AbortSignal): Promise<void> {
    const { domains, directory, contact, cacheDir } = settings;
    this.#log.info('certificate order', { names: domains.join(','), directory });
    this.#trusted = this.#ca();
    const issued = await orderCertificate({
      ...{ directory, contact, domains, signal },
      accountKey: await accountKey(cacheDir),
      ca: this.#trusted,
      present: (name, keyAuthorization) => {
        this.#challenges.set(name.toLowerCase(), challengeCertificate(name, keyAuthorization));
      },
    });
    const made = webCertificate(issued.cert, issued.key);
    signal.throwIfAborted();
    await keepCertificate(cacheDir, directory, issued);
    signal.throwIfAborted();
    this.#current = made;
    this.#problem = undefined;
    this.#log.info('certificate in use', {
      names: made.names.join(','),
      notAfter: made.notAfter.toISOString(),
    });
  }

  #failed(event: string, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#problem = message;
    this.#log.error(event, { message });
  }
}

/** Whether less than a third of the lifetime is left, or a name is missing. */
export function isDue(
  certificate: Pick<WebCertificate, 'notBefore' | 'notAfter' | 'coversName'> | undefined,
  domains: readonly string[],
  now: number = Date.now(),
): boolean {
  if (certificate === undefined || !domains.every((name) => certificate.coversName(name))) return true;
  const [begin, end] = [certificate.notBefore.getTime(), certificate.notAfter.getTime()];
  return end - now < (end - begin) / 3;
}

/** Milliseconds to wait after this many failures in a row before the last one. */
export function waitAfter(failures: number): number {
  const [first, most] = retry;
  return Math.min(first * 2 ** Math.min(failures, 20), most);
}

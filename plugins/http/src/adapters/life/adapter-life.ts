/**
 * One adapter from its entry in the configuration to its end: imported in the background, imported again when something
 * changed, its set replaced in one step. A failure keeps the set that was there. `docs/spec/http.md` 17.3.
 *
 * @module
 */

import { AdapterError, type HostOperations, type Log, type Publication } from '@alknet/sdk';
import type { LivingAdapter } from './living.ts';

const firstRetry = 5_000;
const longestRetry = 300_000;

export interface LifeParts {
  readonly namespace: string;
  readonly publish: HostOperations['publish'];
  readonly prepare: HostOperations['prepare'];
  readonly log: Log;
  /** Told how many operations there are. */
  readonly counted: (operations: number) => void;
}

export interface AdapterStatus {
  readonly namespace: string;
  readonly kind: LivingAdapter['kind'];
  readonly state: 'ready' | 'importing' | 'failed';
  readonly operations: number;
  /** ISO 8601 */
  readonly importedAt?: string;
  readonly error?: string;
}

/** Milliseconds before the next attempt, after so many failures in a row. */
export function retryDelay(failures: number): number {
  return Math.min(longestRetry, firstRetry * 2 ** (failures - 1));
}

export class AdapterLife {
  readonly #parts: LifeParts;
  #adapter: LivingAdapter;
  #publication: Publication | undefined;
  #operations = 0;
  #importedAt: string | undefined;
  #error: string | undefined;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #unwatch: (() => void) | undefined;
  /** Imports run one after the other. */
  #work: Promise<unknown> = Promise.resolve();
  #waiting = false;
  #stop = new AbortController();
  #ended = false;

  constructor(adapter: LivingAdapter, parts: LifeParts) {
    this.#adapter = adapter;
    this.#parts = parts;
    this.#follow();
  }

  get kind(): LivingAdapter['kind'] {
    return this.#adapter.kind;
  }

  get status(): AdapterStatus {
    const { namespace } = this.#parts;
    const state =
      this.#error !== undefined ? 'failed' : this.#publication === undefined ? 'importing' : 'ready';
    return {
      namespace,
      kind: this.#adapter.kind,
      state,
      operations: this.#operations,
      ...(this.#importedAt === undefined ? {} : { importedAt: this.#importedAt }),
      ...(this.#error === undefined ? {} : { error: this.#error }),
    };
  }

  /** Another adapter in this one's place: the old set stays until the new one has been imported. */
  exchange(adapter: LivingAdapter): void {
    const old = this.#adapter;
    this.#stop.abort(new Error('the configuration of the adapter has changed'));
    this.#stop = new AbortController();
    this.#unwatch?.();
    this.#adapter = adapter;
    this.#failures = 0;
    void old.close?.();
    this.#follow();
  }

  /** Imports now. @throws AdapterError; how many operations there are then */
  async refresh(): Promise<number> {
    await this.#import(true);
    return this.#operations;
  }

  /** Takes its operations away, unless `keep`: then whoever owns them now does. */
  async end(keep = false): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#unwatch?.();
    this.#stop.abort(new Error('the adapter ends'));
    if (!keep) this.#publication?.remove();
    await this.#adapter.close?.();
  }

  #follow(): void {
    this.#unwatch = this.#adapter.watch?.(() => this.#soon());
    this.#soon();
  }

  /** In the background: what goes wrong is logged, and tried again. */
  #soon(): void {
    // One that has not begun will see what changed.
    if (this.#waiting || this.#ended) return;
    this.#waiting = true;
    this.#import(false).catch(() => {});
  }

  #import(asked: boolean): Promise<void> {
    const { signal } = this.#stop;
    const adapter = this.#adapter;
    const run = this.#work.then(async () => {
      if (!asked) this.#waiting = false;
      clearTimeout(this.#timer);
      try {
        signal.throwIfAborted();
        const registrations = await adapter.look(
          signal,
          this.#error !== undefined || this.#publication === undefined,
        );
        signal.throwIfAborted();
        if (registrations !== undefined) {
          await this.#parts.prepare(registrations);
          signal.throwIfAborted();
          this.#publish(registrations);
        }
        this.#failures = 0;
        this.#error = undefined;
        this.#again(adapter.refresh);
      } catch (error) {
        // Given up for a newer entry, or for good.
        if (signal.aborted) throw signal.reason;
        this.#failed(error);
        throw error;
      }
    });
    this.#work = run.catch(() => {});
    return run;
  }

  #publish(registrations: Parameters<Publication['replace']>[0]): void {
    const { namespace, publish, log, counted } = this.#parts;
    if (this.#publication === undefined)
      this.#publication = publish(namespace, this.#adapter.kind, registrations);
    else this.#publication.replace(registrations);
    this.#operations = registrations.length;
    this.#importedAt = new Date().toISOString();
    counted(this.#operations);
    log.info('adapter imported', { namespace, operations: this.#operations });
  }

  #failed(error: unknown): void {
    const { namespace, log } = this.#parts;
    this.#failures++;
    const delay = retryDelay(this.#failures);
    const code = error instanceof AdapterError ? error.code : undefined;
    this.#error = `${code === undefined ? '' : `${code}: `}${error instanceof Error ? error.message : String(error)}`;
    log.error('adapter not imported', {
      namespace,
      error: this.#error,
      keeps: this.#operations,
      retry: delay,
    });
    this.#again(delay);
  }

  #again(delay: number): void {
    clearTimeout(this.#timer);
    if (delay > 0 && !this.#ended) this.#timer = setTimeout(() => this.#soon(), delay).unref();
  }
}

/**
 * The time between the end of a plugin's thread and its next start. `docs/spec/config.md` 6.4.
 *
 * @module
 */

import type { PluginInstance } from './instance.ts';
import { Restarts } from './restarts.ts';

export class LostThread {
  readonly #restarts: Restarts;
  readonly #again: () => void;
  #instance: PluginInstance | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** `delay` as for `Restarts`; `again` is called when the plugin is to be started anew. */
  constructor(delay: (ends: number) => number, again: () => void) {
    this.#restarts = new Restarts(delay);
    this.#again = again;
  }

  /** Whose calls and connections fail until it is replaced. */
  get instance(): PluginInstance | undefined {
    return this.#instance;
  }

  /** One more end: milliseconds until the next start, or `undefined` when there were too many. */
  ended(instance: PluginInstance): number | undefined {
    clearTimeout(this.#timer);
    const wait = this.#restarts.ended();
    if (wait === undefined) return undefined;
    this.#instance = instance;
    this.#timer = setTimeout(this.#again, wait);
    return wait;
  }

  /** There is a thread again, or nothing that needs one. */
  found(): void {
    clearTimeout(this.#timer);
    this.#instance = undefined;
  }

  /** The operator has changed or reloaded it: what was before does not count. */
  forget(): void {
    this.#restarts.forget();
  }
}

/**
 * The exports of one identity, held open for one session, and what becomes of them when the operator changes them.
 *
 * @module
 */

import type { ExportEntry } from './export-entry.ts';
import { Root } from './root.ts';

/** What an identity is granted now. The same array as long as nothing has changed. */
export type Granted = () => readonly ExportEntry[];

export class ExportSource {
  readonly roots = new Map<string, Root>();
  readonly #granted: Granted;
  readonly #onFault: (name: string, error: unknown) => void;
  #seen: readonly ExportEntry[] = [];
  /** Roots that are no export any more. Held to the end: open handles and running requests have them. */
  readonly #gone: Root[] = [];
  readonly #paths = new WeakMap<Root, string>();

  /** `onFault`: an export that cannot be opened, and is absent. */
  constructor(granted: Granted, onFault: (name: string, error: unknown) => void) {
    this.#granted = granted;
    this.#onFault = onFault;
  }

  get isStale(): boolean {
    return this.#granted() !== this.#seen;
  }

  async refresh(): Promise<void> {
    const granted = this.#granted();
    const byName = new Map(granted.map((entry) => [entry.name, entry]));
    for (const [name, root] of this.roots) {
      const entry = byName.get(name);
      if (entry !== undefined && entry.path === this.#paths.get(root)) {
        root.mode = entry.mode;
        continue;
      }
      root.isRevoked = true;
      this.roots.delete(name);
      this.#gone.push(root);
    }
    for (const { name, path, mode } of granted) {
      if (this.roots.has(name)) continue;
      try {
        const root = await Root.open(name, mode, path);
        this.#paths.set(root, path);
        this.roots.set(name, root);
      } catch (error) {
        this.#onFault(name, error);
      }
    }
    this.#seen = granted;
  }

  close(): void {
    const all = [...this.roots.values(), ...this.#gone.splice(0)];
    this.roots.clear();
    for (const root of all) root.close();
  }
}

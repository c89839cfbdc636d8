/**
 * What running plugins contribute to each other's surfaces. `docs/spec/config.md` 6.5.
 *
 * @module
 */

import type { Contribution, Contributions } from '@alknet/sdk';

interface Contributor {
  readonly name: string;
  readonly contributes: Readonly<Record<string, unknown>>;
}

export class ContributionTable {
  private contributors: readonly Contributor[] = [];
  private readonly listeners = new Set<{ surface: string; changed: () => void }>();

  /** Puts `next` in the place of `previous` in one step; either may be absent. */
  exchange(previous: Contributor | undefined, next: Contributor | undefined): void {
    const others = this.contributors.filter((contributor) => contributor !== previous);
    this.contributors = next === undefined ? others : [...others, next];
    const touched = new Set([
      ...Object.keys(previous?.contributes ?? {}),
      ...Object.keys(next?.contributes ?? {}),
    ]);
    for (const { surface, changed } of [...this.listeners]) if (touched.has(surface)) changed();
  }

  of(surface: string): readonly Contribution[] {
    return this.contributors
      .filter(({ contributes }) => Object.hasOwn(contributes, surface))
      .map(({ name, contributes }) => ({ plugin: name, value: contributes[surface] }));
  }

  /** A view for one plugin; its listeners go with the signal. */
  view(surface: string, signal: AbortSignal): Contributions {
    const table = this;
    return {
      get current() {
        return table.of(surface);
      },
      onChange: (changed) => {
        const entry = { surface, changed };
        const off = () => {
          this.listeners.delete(entry);
          signal.removeEventListener('abort', off);
        };
        if (!signal.aborted) this.listeners.add(entry);
        signal.addEventListener('abort', off, { once: true });
        return off;
      },
    };
  }
}

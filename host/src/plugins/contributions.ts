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
  private readonly guards = new Set<{ surface: string; check: (all: readonly Contribution[]) => void }>();

  /** What an exchange would be refused for. @throws what the owner of a surface throws */
  check(previous: Contributor | undefined, next: Contributor): void {
    const after = this.after(previous, next);
    for (const { surface, check } of this.guards)
      if (Object.hasOwn(next.contributes, surface)) check(contributionsOf(after, surface));
  }

  /** Puts `next` in the place of `previous` in one step; either may be absent. */
  exchange(previous: Contributor | undefined, next: Contributor | undefined): void {
    this.contributors = this.after(previous, next);
    const touched = new Set([
      ...Object.keys(previous?.contributes ?? {}),
      ...Object.keys(next?.contributes ?? {}),
    ]);
    for (const { surface, changed } of [...this.listeners]) if (touched.has(surface)) changed();
  }

  of(surface: string): readonly Contribution[] {
    return contributionsOf(this.contributors, surface);
  }

  private after(previous: Contributor | undefined, next: Contributor | undefined): readonly Contributor[] {
    const others = this.contributors.filter((contributor) => contributor !== previous);
    return next === undefined ? others : [...others, next];
  }

  /** A view for one plugin; its listeners go with the signal. */
  view(surface: string, signal: AbortSignal): Contributions {
    const table = this;
    const held = <Entry>(entries: Set<Entry>, entry: Entry) => {
      const off = () => {
        entries.delete(entry);
        signal.removeEventListener('abort', off);
      };
      if (!signal.aborted) entries.add(entry);
      signal.addEventListener('abort', off, { once: true });
      return off;
    };
    return {
      get current() {
        return table.of(surface);
      },
      onChange: (changed) => held(this.listeners, { surface, changed }),
      guard: (check) => held(this.guards, { surface, check }),
    };
  }
}

function contributionsOf(contributors: readonly Contributor[], surface: string): readonly Contribution[] {
  return contributors
    .filter(({ contributes }) => Object.hasOwn(contributes, surface))
    .map(({ name, contributes }) => ({ plugin: name, value: contributes[surface] }));
}

/**
 * Where each value of a configuration is from. `docs/spec/registry.md` 15. Pure.
 *
 * @module
 */

import type { LoadedConfig } from './load.ts';
import { type Path, pointerOf } from './problems.ts';
import type { Origin } from './sources.ts';

/** JSON Pointer of every value that is no object → its source. */
export function originsOf(loaded: LoadedConfig): Record<string, Origin> {
  return Object.fromEntries(
    [...leaves(loaded.config, [])].map((path) => [pointerOf(path), originOf(loaded, path)]),
  );
}

function* leaves(value: unknown, path: Path): Generator<Path> {
  const members =
    typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
  if (members.length === 0) yield path;
  for (const [key, member] of members) if (member !== undefined) yield* leaves(member, [...path, key]);
}

/** What a short form (`"call": true`, `"quic": "*:4433"`) stands for; the other members of it are defaults. */
const shortFor = new Set(['enabled', 'addresses']);

function originOf({ document, origin }: LoadedConfig, path: Path): Origin {
  const own = origin(path);
  const holder = path.slice(0, -1);
  if (own !== 'default' || !shortFor.has(String(path.at(-1)))) return own;
  // An object that is written out says itself what it has; only a short form says it by being there.
  const written = holder.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined,
    document.value,
  );
  const isShort = typeof written !== 'object' || written === null || Array.isArray(written);
  return document.has(holder) && isShort ? 'file' : 'default';
}

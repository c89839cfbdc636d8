/**
 * The values of a configuration one by one, each with the source that it has them from. `docs/spec/cli.md` 6. Pure.
 *
 * @module
 */

import { type LoadedConfig, type Origin, originsOf, type Path, pointerOf } from '../config/index.ts';

export interface ConfigValue {
  /** `limits.drain` */
  readonly key: string;
  readonly value: unknown;
  readonly origin: Origin;
}

/** Every value that is no object; an empty object is one too. */
export function configValues(loaded: LoadedConfig): ConfigValue[] {
  const origins = originsOf(loaded);
  return [...leaves(loaded.config, [])].map(({ path, value }) => ({
    key: path.join('.'),
    value,
    origin: origins[pointerOf(path)] ?? 'default',
  }));
}

function* leaves(value: unknown, path: Path): Generator<{ path: Path; value: unknown }> {
  const members =
    typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
  if (members.length === 0) yield { path, value };
  for (const [key, member] of members) yield* leaves(member, [...path, key]);
}

function member(value: unknown, key: string | number): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}

/** The part of the configuration under a dotted key; `undefined` when there is none. */
export function valueAt(config: unknown, key: string): unknown {
  return key.split('.').reduce<unknown>((value, name) => {
    return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
      ? member(value, name)
      : undefined;
  }, config);
}

/** Objects again, of the values that are left. */
export function nested(values: readonly ConfigValue[]): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const { key, value } of values) {
    const names = key.split('.');
    let holder = root;
    for (const name of names.slice(0, -1)) {
      holder[name] ??= {};
      holder = holder[name] as Record<string, unknown>;
    }
    holder[names.at(-1) ?? ''] = value;
  }
  return root;
}

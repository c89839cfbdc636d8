/**
 * Durations and sizes as the configuration writes them; the schema has refused all else. `docs/spec/config.md` 2. Pure.
 *
 * @module
 */

const durations: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const sizes: Readonly<Record<string, number>> = { KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** A number counts seconds. */
export function milliseconds(value: number | string): number {
  return typeof value === 'number' ? value * 1000 : withUnit(value, durations);
}

/** A number counts bytes. */
export function bytes(value: number | string): number {
  return typeof value === 'number' ? value : Math.floor(withUnit(value, sizes));
}

function withUnit(text: string, units: Readonly<Record<string, number>>): number {
  const [, number = '', unit = ''] = /^([\d.]+)([A-Za-z]+)$/.exec(text) ?? [];
  return Number(number) * (units[unit] ?? Number.NaN);
}

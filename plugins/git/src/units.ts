/**
 * Durations and sizes as the configuration writes them: `"30s"`, `"2GiB"`, or a number of seconds or bytes.
 * `docs/spec/config.md` 2. Pure.
 *
 * @module
 */

import { Type } from '@alknet/sdk';

const milliseconds: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const bytes: Readonly<Record<string, number>> = {
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
};

/** Schema of a duration. `fallback` is its default, as it would be written. */
export function duration(fallback: string, description: string) {
  return quantity('^\\d{1,9}(\\.\\d{1,3})?(ms|s|m|h|d)$', fallback, description);
}

/** Schema of a size. */
export function size(fallback: string, description: string) {
  return quantity('^\\d{1,9}(\\.\\d{1,3})?(KiB|MiB|GiB|TiB)$', fallback, description);
}

function quantity(pattern: string, fallback: string, description: string) {
  return Type.Union(
    [Type.String({ pattern }), Type.Number({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })],
    {
      default: fallback,
      description,
    },
  );
}

/** Milliseconds of what fits {@link duration}. */
export function toMilliseconds(value: string | number): number {
  return typeof value === 'number' ? value * 1000 : inUnits(value, milliseconds);
}

/** Bytes of what fits {@link size}. */
export function toBytes(value: string | number): number {
  return Math.floor(typeof value === 'number' ? value : inUnits(value, bytes));
}

function inUnits(text: string, units: Readonly<Record<string, number>>): number {
  const [, count = '0', unit = ''] = /^([\d.]+)([A-Za-z]+)$/.exec(text) ?? [];
  return Number(count) * (units[unit] ?? Number.NaN);
}

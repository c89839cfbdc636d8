/**
 * Durations and sizes as the configuration writes them. `docs/spec/config.md` 2. Pure.
 *
 * @module
 */

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

/** Milliseconds, or `undefined` for what is no duration. A number counts seconds. */
export function parseDuration(value: unknown): number | undefined {
  if (typeof value === 'number') return value >= 0 && Number.isFinite(value) ? value * 1000 : undefined;
  return withUnit(value, milliseconds);
}

/** Whole bytes, or `undefined` for what is no size. */
export function parseSize(value: unknown): number | undefined {
  const size = typeof value === 'number' ? value : withUnit(value, bytes);
  return size !== undefined && Number.isSafeInteger(size) && size >= 0 ? size : undefined;
}

function withUnit(value: unknown, units: Readonly<Record<string, number>>): number | undefined {
  if (typeof value !== 'string') return undefined;
  const match = /^(\d{1,15}(?:\.\d{1,9})?)([A-Za-z]+)$/.exec(value);
  const unit = match?.[2] === undefined || !Object.hasOwn(units, match[2]) ? undefined : units[match[2]];
  return unit === undefined ? undefined : Number(match?.[1]) * unit;
}

export function formatDuration(value: number): string {
  return value === 0 ? '0' : inLargestUnit(value, milliseconds);
}

export function formatSize(value: number): string {
  return value < 1024 ? String(value) : inLargestUnit(value, bytes);
}

function inLargestUnit(value: number, units: Readonly<Record<string, number>>): string {
  let text = String(value);
  for (const [unit, factor] of Object.entries(units))
    if (value % factor === 0) text = `${value / factor}${unit}`;
  return text;
}

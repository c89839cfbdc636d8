/**
 * Durations and sizes as a configuration writes them: `"30s"`, `"64KiB"`, or a number of seconds or bytes.
 * `docs/spec/config.md` 2. Pure.
 *
 * @module
 */

import { Type } from './libraries/typebox.ts';

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

/** Of the text of a duration, for a JSON Schema. */
export const durationPattern = String.raw`^\d{1,15}(\.\d{1,9})?(ms|s|m|h|d)$`;
/** Of the text of a size, for a JSON Schema. */
export const sizePattern = String.raw`^\d{1,15}(\.\d{1,9})?(KiB|MiB|GiB|TiB)$`;

/** `minimum` and `maximum` hold for what is written as a number: seconds or bytes. `default` is as it would be written. */
export interface QuantityOptions {
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: number | string;
  readonly description?: string;
}

/** Schema of a duration in a plugin's config; {@link inMilliseconds} reads it. */
export function Duration(options: QuantityOptions = {}) {
  return quantity(durationPattern, options);
}

/** Schema of a size in a plugin's config; {@link inBytes} reads it. */
export function Size(options: QuantityOptions = {}) {
  return quantity(sizePattern, options);
}

function quantity(pattern: string, { minimum = 0, maximum, ...about }: QuantityOptions) {
  const number = Type.Number({ minimum, ...(maximum === undefined ? {} : { maximum }) });
  return Type.Union([number, Type.String({ pattern })], about);
}

/** Milliseconds, or `undefined` for what is no duration. A number counts seconds. */
export function parseDuration(value: unknown): number | undefined {
  const number = typeof value === 'number' ? value * 1000 : withUnit(value, milliseconds);
  return number !== undefined && number >= 0 && Number.isFinite(number) ? number : undefined;
}

/** Bytes, with the fraction that `"0.3KiB"` has, or `undefined` for what is no size. A number counts bytes. */
export function parseBytes(value: unknown): number | undefined {
  const number = typeof value === 'number' ? value : withUnit(value, bytes);
  return number !== undefined && number >= 0 && Number.isFinite(number) ? number : undefined;
}

function withUnit(value: unknown, units: Readonly<Record<string, number>>): number | undefined {
  if (typeof value !== 'string') return undefined;
  const match = /^(\d{1,15}(?:\.\d{1,9})?)([A-Za-z]+)$/.exec(value);
  const unit = match?.[2] === undefined || !Object.hasOwn(units, match[2]) ? undefined : units[match[2]];
  return unit === undefined ? undefined : Number(match?.[1]) * unit;
}

/** Milliseconds of what fits {@link Duration}. @throws RangeError for what is no duration */
export function inMilliseconds(value: number | string): number {
  return parseDuration(value) ?? none(`a duration such as 2 or "2s"`, value);
}

/** Whole bytes of what fits {@link Size}; a fraction of a byte is dropped. @throws RangeError for what is no size */
export function inBytes(value: number | string): number {
  return Math.floor(parseBytes(value) ?? none(`a size such as 1048576 or "1MiB"`, value));
}

function none(expected: string, value: number | string): never {
  throw new RangeError(`expected ${expected}, found ${JSON.stringify(value)}`);
}

/** In the largest unit that leaves no fraction: `90000` milliseconds are `"90s"`. */
export function formatDuration(value: number): string {
  return value === 0 ? '0' : inLargestUnit(value, milliseconds);
}

/** In the largest unit that leaves no fraction: `65536` bytes are `"64KiB"`. */
export function formatBytes(value: number): string {
  return value < 1024 ? String(value) : inLargestUnit(value, bytes);
}

function inLargestUnit(value: number, units: Readonly<Record<string, number>>): string {
  let text = String(value);
  for (const [unit, factor] of Object.entries(units))
    if (value % factor === 0) text = `${value / factor}${unit}`;
  return text;
}

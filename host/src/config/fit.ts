/**
 * Fits a value to a schema: reports all that is wrong at once, fills defaults, turns durations into milliseconds, sizes
 * into bytes and paths into absolute ones. Knows the part of JSON Schema that `kinds.ts` and `schema.ts` write. Pure.
 *
 * @module
 */

import { resolve } from 'node:path';
import type { TSchema } from '@alknet/sdk';
import { formatBytes, formatDuration, parseBytes, parseDuration } from '@alknet/sdk/units';
import type { Marks, Unit } from './kinds.ts';
import { describe, didYouMean, type Finding, mismatch, type Path } from './problems.ts';

export interface Shape extends Marks {
  readonly type?: string;
  readonly anyOf?: readonly Shape[];
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly patternProperties?: Readonly<Record<string, Shape>>;
  readonly additionalProperties?: boolean | Shape;
  readonly required?: readonly string[];
  readonly items?: Shape;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly default?: unknown;
}

export interface Fitted {
  readonly value: unknown;
  readonly findings: readonly Finding[];
}

export function fit(value: unknown, schema: TSchema, directory: string, path: Path = []): Fitted {
  const shape: Shape = schema;
  const findings: Finding[] = [];
  const fitter = new Fitter(directory, findings);
  return { value: fitter.fit(value, shape, path), findings };
}

class Fitter {
  private readonly directory: string;
  private readonly findings: Finding[];

  constructor(directory: string, findings: Finding[]) {
    this.directory = directory;
    this.findings = findings;
  }

  fit(value: unknown, shape: Shape, path: Path): unknown {
    if (shape.unit !== undefined) return this.quantity(value, shape, shape.unit, path);
    if (shape.anyOf !== undefined) return this.union(value, shape, shape.anyOf, path);
    if (!hasType(value, shape)) return this.report(value, shape, path);
    if (shape.const !== undefined && value !== shape.const) return this.report(value, shape, path);
    if (shape.enum !== undefined && !shape.enum.includes(value))
      return this.word(value, shape, shape.enum, path);
    if (typeof value === 'string') return this.text(value, shape, path);
    if (typeof value === 'number') return this.number(value, shape, path);
    if (Array.isArray(value)) return this.list(value, shape, path);
    if (isRecord(value)) return this.object(value, shape, path);
    return value;
  }

  private report(value: unknown, shape: Shape, path: Path): undefined {
    const expected = expectation(shape);
    if (shape.isSecret === true && typeof value === 'string') {
      this.findings.push({ path, message: `expected ${expected}, found text`, expected, received: 'text' });
    } else this.findings.push(mismatch(path, expected, value));
    return undefined;
  }

  private word(value: unknown, shape: Shape, allowed: readonly unknown[], path: Path): undefined {
    const near = didYouMean(String(value), allowed.map(String));
    const found = mismatch(path, expectation(shape), value);
    this.findings.push(
      near === undefined
        ? found
        : { ...found, message: `${found.message}; did you mean "${near}"?`, suggestion: near },
    );
    return undefined;
  }

  private quantity(value: unknown, shape: Shape, unit: Unit, path: Path): number | undefined {
    const amount = unit.kind === 'duration' ? parseDuration(value) : parseSize(value);
    if (amount === undefined) return this.report(value, shape, path);
    const inRange = amount >= unit.minimum && amount <= unit.maximum;
    if (inRange || (amount === 0 && unit.zero === true)) return amount;
    const format = unit.kind === 'duration' ? formatDuration : formatBytes;
    const range = `${format(unit.minimum)} to ${format(unit.maximum)}`;
    this.findings.push(mismatch(path, `a ${unit.kind} of ${unit.zero ? '0 or ' : ''}${range}`, value));
    return undefined;
  }

  private union(value: unknown, shape: Shape, branches: readonly Shape[], path: Path): unknown {
    const open = branches.filter((branch) => hasType(value, branch));
    for (const branch of open) {
      const tried = fit(value, branch, this.directory, path);
      if (tried.findings.length === 0) return tried.value;
      // One branch alone takes such a value: what is wrong with it there says more than the list of branches.
      if (open.length === 1 && typeof value === 'object') {
        this.findings.push(...tried.findings);
        return undefined;
      }
    }
    return this.report(value, shape, path);
  }

  private text(value: string, shape: Shape, path: Path): unknown {
    const length = [...value].length;
    const fits =
      length >= (shape.minLength ?? 0) &&
      length <= (shape.maxLength ?? Number.POSITIVE_INFINITY) &&
      (shape.pattern === undefined || new RegExp(shape.pattern, 'u').test(value));
    if (!fits) return this.report(value, shape, path);
    return shape.isPath === true ? resolve(this.directory, value) : value;
  }

  private number(value: number, shape: Shape, path: Path): unknown {
    const minimum = shape.minimum ?? Number.NEGATIVE_INFINITY;
    const maximum = shape.maximum ?? Number.POSITIVE_INFINITY;
    if (value >= minimum && value <= maximum) return value;
    return this.report(value, shape, path);
  }

  private list(value: readonly unknown[], shape: Shape, path: Path): unknown {
    if (value.length < (shape.minItems ?? 0) || value.length > (shape.maxItems ?? 100_000)) {
      const expected = `a list of ${shape.minItems ?? 0} to ${shape.maxItems ?? 100_000} entries`;
      const message = `expected ${expected}, found ${value.length}`;
      this.findings.push({ path, message, expected, received: String(value.length) });
      return undefined;
    }
    const { items } = shape;
    return items === undefined ? value : value.map((item, index) => this.fit(item, items, [...path, index]));
  }

  private object(value: Readonly<Record<string, unknown>>, shape: Shape, path: Path): unknown {
    const properties = shape.properties ?? {};
    const patterns = Object.entries(shape.patternProperties ?? {});
    const fitted: Record<string, unknown> = {};
    for (const [key, member] of Object.entries(value)) {
      const known = Object.hasOwn(properties, key) ? properties[key] : undefined;
      const schema = known ?? patterns.find(([pattern]) => new RegExp(pattern, 'u').test(key))?.[1];
      if (schema !== undefined) set(fitted, key, this.fit(member, schema, [...path, key]));
      else if (shape.additionalProperties === false || patterns.length > 0) {
        this.unknownKey(key, shape, Object.keys(properties), path);
      } else set(fitted, key, member);
    }
    for (const [key, schema] of Object.entries(properties)) {
      if (Object.hasOwn(value, key)) continue;
      // Defaults are written as in the file, and fitted like it.
      if (schema.default !== undefined) set(fitted, key, this.fit(schema.default, schema, [...path, key]));
      else if (shape.required?.includes(key)) {
        const expected = expectation(schema);
        this.findings.push({
          path: [...path, key],
          message: `is required: expected ${expected}`,
          expected,
          received: 'nothing',
        });
      }
    }
    return fitted;
  }

  private unknownKey(key: string, shape: Shape, known: readonly string[], path: Path): void {
    const suggestion = didYouMean(key, known);
    const hint = suggestion === undefined ? '' : `; did you mean "${suggestion}"?`;
    const grammar = known.length === 0 && shape.expects !== undefined ? `; expected ${shape.expects}` : '';
    this.findings.push({
      path: [...path, key],
      atKey: true,
      message: `unknown key${grammar}${hint}`,
      ...(suggestion === undefined ? {} : { suggestion }),
    });
  }
}

/** Whole bytes. */
function parseSize(value: unknown): number | undefined {
  const size = parseBytes(value);
  return Number.isSafeInteger(size) ? size : undefined;
}

function set(object: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function hasType(value: unknown, shape: Shape): boolean {
  if (shape.unit !== undefined) return typeof value === 'number' || typeof value === 'string';
  if (shape.anyOf !== undefined) return shape.anyOf.some((branch) => hasType(value, branch));
  if (shape.const !== undefined) return value === shape.const;
  switch (shape.type) {
    case 'object':
      return isRecord(value);
    case 'array':
      return Array.isArray(value);
    case 'integer':
      return Number.isSafeInteger(value);
    case 'null':
      return value === null;
    case undefined:
      return true;
    default:
      return typeof value === shape.type;
  }
}

/** What belongs here, in words. */
function expectation(shape: Shape): string {
  if (shape.expects !== undefined) return shape.expects;
  if (shape.const !== undefined) return describe(shape.const);
  if (shape.enum !== undefined) return `one of ${shape.enum.map((word) => JSON.stringify(word)).join(', ')}`;
  if (shape.anyOf !== undefined) return shape.anyOf.map(expectation).join(' or ');
  const range =
    shape.minimum === undefined || shape.maximum === undefined
      ? ''
      : ` from ${shape.minimum} to ${shape.maximum}`;
  switch (shape.type) {
    case 'integer':
      return `a whole number${range}`;
    case 'number':
      return `a number${range}`;
    case 'boolean':
      return 'true or false';
    case 'string': {
      const least = shape.minLength === undefined ? '' : ` of at least ${shape.minLength}`;
      const most =
        shape.maxLength === undefined ? '' : `${least === '' ? ' of' : ' and'} at most ${shape.maxLength}`;
      return `text${least}${most}${least + most === '' ? '' : ' characters'}`;
    }
    case 'array':
      return 'a list';
    case 'null':
      return 'null';
    default:
      return 'an object';
  }
}

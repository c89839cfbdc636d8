/**
 * Paths of contributed routes: literal segments, `:name`, `:name{regexp}`, and `*` last. `docs/spec/http.md` 12. Pure.
 *
 * @module
 */

type Segment =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'parameter'; readonly test: RegExp | undefined }
  | { readonly kind: 'rest' };

export interface RoutePattern {
  readonly text: string;
  readonly segments: readonly Segment[];
}

/** Why a path cannot be one of a route. */
export class PatternFault extends Error {
  override readonly name = 'PatternFault';
}

const maxRegexp = 256;

/** @throws PatternFault */
export function parsePattern(text: string): RoutePattern {
  if (typeof text !== 'string' || !text.startsWith('/') || text.length > 1024)
    throw new PatternFault(`path: expected text that begins with "/", found ${JSON.stringify(text)}`);
  if (text === '/') return { text, segments: [] };
  const parts = text.slice(1).split('/');
  const segments = parts.map((part, index): Segment => {
    if (part === '*') {
      if (index < parts.length - 1) throw new PatternFault(`path ${text}: "*" stands only at the end`);
      return { kind: 'rest' };
    }
    if (!part.startsWith(':')) {
      if (part === '' || part === '.' || part === '..')
        throw new PatternFault(`path ${text}: an empty or dot segment matches nothing`);
      return { kind: 'literal', text: part };
    }
    const [, expression] = /^:[A-Za-z_][A-Za-z0-9_]*(?:\{(.+)\})?$/.exec(part) ?? [];
    if (!/^:[A-Za-z_]/.test(part) || (part.includes('{') && expression === undefined))
      throw new PatternFault(`path ${text}: expected ":name" or ":name{regexp}", found "${part}"`);
    return { kind: 'parameter', test: expression === undefined ? undefined : regexpOf(text, expression) };
  });
  return { text, segments };
}

function regexpOf(path: string, expression: string): RegExp {
  try {
    if (expression.length > maxRegexp) throw new Error(`is over ${maxRegexp} characters`);
    return new RegExp(`^(?:${expression})$`, 'u');
  } catch (error) {
    throw new PatternFault(`path ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

export function matches({ segments }: RoutePattern, path: readonly string[]): boolean {
  for (const [index, segment] of segments.entries()) {
    if (segment.kind === 'rest') return true;
    const part = path[index];
    if (part === undefined) return false;
    if (segment.kind === 'literal' ? segment.text !== part : segment.test?.test(part) === false) return false;
  }
  return segments.length === path.length;
}

const rank = { literal: 0, parameter: 1, rest: 2 } as const;

/** Literal before pattern before `*`, from the left; a longer literal prefix first. */
export function compare(a: RoutePattern, b: RoutePattern): number {
  const length = Math.max(a.segments.length, b.segments.length);
  for (let index = 0; index < length; index++) {
    const [first, second] = [rankAt(a, index), rankAt(b, index)];
    if (first !== second) return first - second;
  }
  return 0;
}

function rankAt({ segments }: RoutePattern, index: number): number {
  const segment = segments[index];
  if (segment === undefined) return 3;
  // A parameter with a regexp asks for more than one without.
  return rank[segment.kind] + (segment.kind === 'parameter' && segment.test === undefined ? 0.5 : 0);
}

/** Whether both stand for the same paths: names of parameters tell nothing apart. */
export function shape({ segments }: RoutePattern): string {
  return segments
    .map((segment) => {
      if (segment.kind === 'literal') return `/${segment.text}`;
      return segment.kind === 'rest' ? '/*' : `/:${segment.test?.source ?? ''}`;
    })
    .join('');
}

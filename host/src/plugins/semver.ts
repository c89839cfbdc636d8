/**
 * Whether a version lies in a range (semver.org, ranges as npm writes them, without pre-release tags). Pure.
 *
 * @module
 */

type Version = readonly [number, number, number];

const partial = /^[v=]?(\d+|[xX*])(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?(?:[-+].*)?$/;

/** `undefined` when the range is malformed. */
export function satisfies(version: string, range: string): boolean | undefined {
  const candidate = parse(version);
  if (candidate === undefined) return undefined;
  const alternatives = range.split('||').map((text) => comparators(text.trim()));
  if (alternatives.includes(undefined)) return undefined;
  return alternatives.some((tests) => tests?.every((test) => test(candidate)));
}

function parse(text: string): Version | undefined {
  const match = /^v?(\d+)\.(\d+)\.(\d+)(?:[-+].*)?$/.exec(text);
  return match === null ? undefined : [Number(match[1]), Number(match[2]), Number(match[3])];
}

type Test = (version: Version) => boolean;

function comparators(text: string): Test[] | undefined {
  const hyphen = /^(\S+)\s+-\s+(\S+)$/.exec(text);
  const parts =
    hyphen === null
      ? text.replace(/([<>=~^]+)\s+/g, '$1').split(/\s+/)
      : [`>=${hyphen[1]}`, `<=${hyphen[2]}`];
  const tests = parts.filter((part) => part !== '').map(comparator);
  return tests.includes(undefined) ? undefined : tests.filter((test) => test !== undefined);
}

function comparator(text: string): Test | undefined {
  const match = /^(>=|<=|>|<|=|\^|~)?(.+)$/.exec(text);
  const fields = match?.[2] === undefined ? null : partial.exec(match[2]);
  if (match === null || fields === null) return undefined;
  const given = fields
    .slice(1, 4)
    .map((field) => (field === undefined || /[xX*]/.test(field) ? undefined : Number(field)));
  const [major, minor, patch] = given;
  const low: Version = [major ?? 0, minor ?? 0, patch ?? 0];
  /** First version above everything that the partial version covers. */
  const above: Version =
    major === undefined
      ? [Number.POSITIVE_INFINITY, 0, 0]
      : minor === undefined
        ? [major + 1, 0, 0]
        : patch === undefined
          ? [major, minor + 1, 0]
          : [major, minor, patch + 1];
  switch (match[1]) {
    case '>=':
      return (version) => compare(version, low) >= 0;
    case '>':
      return (version) => compare(version, above) >= 0;
    case '<':
      return (version) => compare(version, low) < 0;
    case '<=':
      return (version) => compare(version, above) < 0;
    case '~':
      return between(low, minor === undefined ? above : [low[0], low[1] + 1, 0]);
    case '^':
      return between(low, caretEnd(low, minor, patch, above));
    default:
      return between(low, above);
  }
}

/** The leftmost digit that is not 0 stays. */
function caretEnd(
  low: Version,
  minor: number | undefined,
  patch: number | undefined,
  above: Version,
): Version {
  if (low[0] > 0 || minor === undefined)
    return above[0] === Number.POSITIVE_INFINITY ? above : [low[0] + 1, 0, 0];
  if (low[1] > 0 || patch === undefined) return [0, low[1] + 1, 0];
  return [0, 0, low[2] + 1];
}

function between(low: Version, above: Version): Test {
  return (version) => compare(version, low) >= 0 && compare(version, above) < 0;
}

function compare(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}

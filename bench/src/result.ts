/**
 * What a run leaves behind: plain JSON, and how two runs compare.
 *
 * @module
 */

import type { Machine } from './machine.ts';
import type { StackName } from './stack.ts';
import { median } from './statistics.ts';

export interface Figure {
  /** The median of `samples`, in the row's unit. */
  readonly value: number;
  readonly samples: readonly number[];
}

export interface RowResult {
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly better: 'more' | 'less';
  readonly figures: { readonly [K in StackName]?: Figure };
  /** Why a contender has no figure. */
  readonly failures: { readonly [K in StackName]?: string };
}

export interface RunResult {
  readonly format: 'alknet-bench';
  readonly version: 1;
  readonly date: string;
  readonly seconds: number;
  readonly rounds: number;
  readonly machine: Machine;
  readonly rows: readonly RowResult[];
}

export interface Regression {
  readonly row: string;
  readonly stack: StackName;
  readonly before: number;
  readonly now: number;
  /** How much worse, with the machine's own change taken out: 0.2 is a fifth. */
  readonly worse: number;
}

const ours: readonly StackName[] = [
  'quic',
  'worker',
  'hop1',
  'hop2',
  'crowd',
  'tls',
  'sse',
  'websocket',
  'git',
];
const theirs: readonly StackName[] = ['grpc', 'ws', 'udp', 'git-daemon', 'git-http'];

/** > 1 when `now` is better than `before`. */
function gain(before: RowResult, now: RowResult, stack: StackName): number | undefined {
  const was = before.figures[stack]?.value;
  const is = now.figures[stack]?.value;
  if (was === undefined || is === undefined || was <= 0 || is <= 0) return undefined;
  return now.better === 'more' ? is / was : was / is;
}

/**
 * Figures of ours that are worse than before by more than `threshold`. The peers' code did not change between the runs,
 * so what they gained or lost in a row is the machine's doing and is divided out. A figure that is missing now and was
 * there before is a regression without end.
 */
export function regressions(before: RunResult, now: RunResult, threshold: number): Regression[] {
  const found: Regression[] = [];
  for (const row of now.rows) {
    const past = before.rows.find(({ name }) => name === row.name);
    if (past === undefined) continue;
    const drifts = theirs.map((stack) => gain(past, row, stack)).filter((value) => value !== undefined);
    const drift = drifts.length === 0 ? 1 : median(drifts);
    for (const stack of ours) {
      const was = past.figures[stack]?.value;
      if (was === undefined) continue;
      const gained = gain(past, row, stack);
      if (gained === undefined && row.failures[stack] === undefined) continue;
      const worse = gained === undefined ? Number.POSITIVE_INFINITY : drift / gained - 1;
      if (worse <= threshold) continue;
      found.push({ row: row.name, stack, before: was, now: row.figures[stack]?.value ?? 0, worse });
    }
  }
  return found;
}

/** @throws when the text is not the result of a run. */
export function parseResult(text: string, path: string): RunResult {
  const value: unknown = JSON.parse(text);
  const { format, version } = (value ?? {}) as Partial<RunResult>;
  if (format !== 'alknet-bench' || version !== 1) {
    throw new Error(
      `${path}: expected a result that npm run bench wrote, received format ${format} ${version}`,
    );
  }
  return value as RunResult;
}

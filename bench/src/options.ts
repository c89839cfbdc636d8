/**
 * The command line.
 *
 * @module
 */

import { parseArgs } from 'node:util';
import { type Scenario, scenarios } from './scenarios.ts';
import { type StackName, stackNames } from './stack.ts';

export interface Options {
  readonly scenarios: readonly Scenario[];
  readonly seconds: number;
  readonly rounds: number;
  readonly json: boolean;
  /** Instead of the table: minutes of calls, to see whether memory grows. */
  readonly soak: number | undefined;
  /** Path of the results of an earlier run. */
  readonly compare: string | undefined;
  /** Share by which a figure may be worse than before. */
  readonly threshold: number;
}

export const usage = `Usage: npm run bench -- [options]

Measures alknet over QUIC and over TLS beside @grpc/grpc-js and JSON over ws, both over TLS, and beside bare
UDP datagrams. Every server and every client has a process of its own; the contenders of a row take turns.

  --only NAME        only this row or contender; may be given several times, or with commas
  --seconds N        length of one round (default 2)
  --rounds N         timed rounds after the warm-up; their median counts (default 3)
  --compare FILE     exit 1 when alknet is worse than in this earlier result
  --threshold N      per cent that count as worse (default 15)
  --soak MINUTES     instead of the table: calls for so long, exit 1 when the server's memory grows
  --json             print the result as JSON instead of the table
  --help

Rows: ${scenarios.map(({ name }) => name).join(', ')}
Contenders: ${stackNames.join(', ')} (quic, worker, hop1, hop2, crowd, tls, sse, websocket and git are alknet)
`;

export class UsageError extends Error {}

/** `undefined` when help is asked for. @throws UsageError */
export function parseOptions(args: readonly string[]): Options | undefined {
  const { values } = parse(args);
  if (values.help) return undefined;
  return {
    scenarios: choose(values.only ?? []),
    seconds: positive('--seconds', values.seconds ?? '2'),
    rounds: Math.ceil(positive('--rounds', values.rounds ?? '3')),
    json: values.json ?? false,
    soak: values.soak === undefined ? undefined : positive('--soak', values.soak),
    compare: values.compare,
    threshold: positive('--threshold', values.threshold ?? '15') / 100,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        only: { type: 'string', multiple: true },
        seconds: { type: 'string' },
        rounds: { type: 'string' },
        compare: { type: 'string' },
        threshold: { type: 'string' },
        soak: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new UsageError(`${option}: expected a number above 0, received ${text}`);
}

const isStack = (name: string): name is StackName => (stackNames as readonly string[]).includes(name);

/** Rows narrow the rows, contenders the contenders of each. */
function choose(only: readonly string[]): readonly Scenario[] {
  const names = only.flatMap((value) => value.split(','));
  const rows = names.filter((name) => scenarios.some((scenario) => scenario.name === name));
  const stacks = names.filter(isStack);
  const unknown = names.find((name) => !rows.includes(name) && !isStack(name));
  if (unknown !== undefined) {
    const known = [...scenarios.map(({ name }) => name), ...stackNames].join(', ');
    throw new UsageError(`--only: expected one of ${known}, received ${unknown}`);
  }
  return scenarios
    .filter(({ name }) => rows.length === 0 || rows.includes(name))
    .map((scenario) => ({
      ...scenario,
      stacks: scenario.stacks.filter((name) => stacks.length === 0 || stacks.includes(name)),
    }))
    .filter((scenario) => scenario.stacks.length > 0);
}

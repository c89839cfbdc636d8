/**
 * `npm run bench`: measures the rows one after the other, prints the table, leaves the result as JSON, and compares it
 * with an earlier one.
 *
 * @module
 */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { machine } from './machine.ts';
import { measure } from './measure.ts';
import { type Options, parseOptions, UsageError, usage } from './options.ts';
import { parseResult, type RowResult, type RunResult, regressions } from './result.ts';
import { soak } from './soak.ts';
import { report, rounded } from './table.ts';

const folder = fileURLToPath(new URL('../results/', import.meta.url));

/** Progress goes to standard error, so that standard output is the table or the JSON alone. */
const progress = (text: string) => console.error(text);

async function measureAll(options: Options): Promise<RunResult> {
  const date = new Date().toISOString();
  const rows: RowResult[] = [];
  for (const scenario of options.scenarios) {
    progress(`\n${scenario.title}`);
    rows.push(await measure(scenario, options, progress));
  }
  const { seconds, rounds } = options;
  return { format: 'alknet-bench', version: 1, date, seconds, rounds, machine: machine(), rows };
}

async function save(result: RunResult): Promise<string> {
  const path = join(folder, `${result.date.replace(/[:.]/g, '-')}.json`);
  await mkdir(folder, { recursive: true });
  await writeFile(path, `${JSON.stringify(result, null, 2)}\n`);
  return path;
}

/** Whether nothing of ours became worse. */
function holds(before: RunResult, now: RunResult, threshold: number): boolean {
  if (before.machine.cpu !== now.machine.cpu || before.machine.cores !== now.machine.cores) {
    progress(`compared with another machine: ${before.machine.cpu}, ${before.machine.cores} cores`);
  }
  const found = regressions(before, now, threshold);
  for (const { row, stack, before: was, now: is, worse } of found) {
    const share = Number.isFinite(worse)
      ? `${Math.round(worse * 100)} % worse beside the peers`
      : 'it failed';
    progress(`regression: ${row} ${stack}: ${rounded(was)} before, ${rounded(is)} now, ${share}`);
  }
  if (found.length === 0) progress(`no regression above ${Math.round(threshold * 100)} %`);
  return found.length === 0;
}

async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args);
  if (options === undefined) {
    process.stdout.write(usage);
    return 0;
  }
  if (options.soak !== undefined) return (await soak(options.soak, progress)) ? 0 : 1;
  const before =
    options.compare === undefined
      ? undefined
      : parseResult(await readFile(options.compare, 'utf8'), options.compare);
  const result = await measureAll(options);
  const path = await save(result);
  console.log(options.json ? JSON.stringify(result, null, 2) : `\n${report(result)}`);
  progress(`\nwritten to ${path}`);
  const failed = result.rows.some(({ failures }) => Object.keys(failures).length > 0);
  return failed || (before !== undefined && !holds(before, result, options.threshold)) ? 1 : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(`error: ${error instanceof Error ? error.message : error}`);
  if (error instanceof UsageError) console.error('  try: npm run bench -- --help');
  process.exitCode = error instanceof UsageError ? 2 : 1;
}

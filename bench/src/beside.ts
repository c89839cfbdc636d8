/**
 * The benches that measure a node beside other programs of this machine: the contenders in turn, the median of each in a
 * table of Markdown, and everything stopped and removed at the end.
 *
 * @module
 */

import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Place, Stoppable } from './files/contenders.ts';
import { machine } from './machine.ts';
import { median } from './statistics.ts';

/** What a bench adds to. */
export interface Bench {
  readonly place: Place;
  /** What is stopped at the end, in this order. */
  readonly running: Stoppable[];
  /** Of the table; the first has the names of the contenders. */
  readonly lines: string[][];
}

/** A folder of its own, `measure`, the table, and the end of all, whatever happens. */
export async function beside(measure: (bench: Bench) => Promise<void>): Promise<void> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'alknet-bench-')));
  const running: Stoppable[] = [];
  try {
    const lines: string[][] = [];
    await measure({ place: { folder, env: { PATH: process.env['PATH'], HOME: folder } }, running, lines });
    const { cpu, cores, system, node } = machine();
    console.log(
      `${new Date().toISOString().slice(0, 10)}, ${cpu}, ${cores} cores, ${system}, Node ${node}\n`,
    );
    const [head = [], ...body] = lines;
    for (const line of [head, head.map(() => '---'), ...body]) console.log(`| ${line.join(' | ')} |`);
  } finally {
    for (const each of running) await each.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The median of each contender, who take turns for `rounds` rounds after one that warms up. */
export async function inTurns<Contender extends { readonly name: string }>(
  title: string,
  contenders: readonly Contender[],
  rounds: number,
  measure: (contender: Contender) => number | Promise<number>,
  shown: (value: number) => string,
): Promise<string[]> {
  const measured = contenders.map((): number[] => []);
  for (let round = 0; round <= rounds; round++)
    for (const [n, contender] of contenders.entries()) {
      const value = await measure(contender);
      console.error(`${title}, ${contender.name}: ${shown(value)}`);
      if (round > 0) measured[n]?.push(value);
    }
  return [title, ...measured.map((all) => shown(median(all)))];
}

/**
 * `npm run bench -- files`: the stock OpenSSH `sftp` against OpenSSH's own servers and against alknet, the contenders in
 * turn, each transfer compared with its source.
 *
 * @module
 */

import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { beside, inTurns } from '../beside.ts';
import { type Contender, contenders, type Place } from './contenders.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    megabytes: { type: 'string', default: '256' },
    files: { type: 'string', default: '2000' },
  },
});
const rounds = Number(values.rounds);
const megabytes = Number(values.megabytes);
const count = Number(values.files);

interface Row {
  readonly title: string;
  /** Lines of sftp; paths are relative to the folder of the run. */
  readonly lines: (remote: string) => readonly string[];
  readonly source: string;
  readonly result: string;
}

const rows: readonly Row[] = [
  {
    title: `get ${megabytes} MiB`,
    lines: (remote) => [`get ${remote}/share/large out`],
    source: 'share/large',
    result: 'out',
  },
  {
    title: `put ${megabytes} MiB`,
    lines: (remote) => [`put share/large ${remote}/share/out`],
    source: 'share/large',
    result: 'share/out',
  },
  {
    title: `get ${count} files of 4 KiB`,
    lines: (remote) => [`get -r ${remote}/share/many out`],
    source: 'share/many',
    result: 'out',
  },
  {
    title: `put ${count} files of 4 KiB`,
    lines: (remote) => [`mkdir ${remote}/share/out`, `put -r share/many/. ${remote}/share/out`],
    source: 'share/many',
    result: 'share/out',
  },
];

function prepare({ folder }: Place): void {
  mkdirSync(join(folder, 'share/many'), { recursive: true });
  writeFileSync(join(folder, 'share/large'), randomBytes(megabytes * 1024 * 1024));
  for (let n = 0; n < count; n++) writeFileSync(join(folder, `share/many/file-${n}`), randomBytes(4096));
}

/** Seconds. @throws Error when the copy is not the source */
function transfer({ folder, env }: Place, row: Row, { args, remote }: Contender): number {
  for (const path of ['out', 'share/out']) rmSync(join(folder, path), { recursive: true, force: true });
  const input = `${row.lines(remote).join('\n')}\n`;
  const begun = performance.now();
  const { status, stderr } = spawnSync('sftp', ['-q', '-b', '-', ...args], { cwd: folder, env, input });
  const seconds = (performance.now() - begun) / 1000;
  if (status !== 0) throw new Error(`sftp ended with ${status}: ${stderr}`);
  const compared = spawnSync('diff', ['-rq', row.source, row.result], { cwd: folder });
  if (compared.status !== 0) throw new Error(`${row.title}: the copy differs: ${compared.stdout}`);
  return seconds;
}

await beside(async ({ place, running, lines }) => {
  prepare(place);
  const all = await contenders(place, running);
  lines.push(['', ...all.map(({ name }) => name)]);
  for (const row of rows) {
    const seconds = (contender: Contender) => transfer(place, row, contender);
    lines.push(await inTurns(row.title, all, rounds, seconds, (value) => `${value.toFixed(2)} s`));
  }
});

/**
 * The result for people: a Markdown table that reads well in a terminal too.
 *
 * @module
 */

import type { RowResult, RunResult } from './result.ts';
import type { StackName } from './stack.ts';

const figures: readonly (readonly [StackName, string])[] = [
  ['quic', 'alknet QUIC'],
  ['worker', 'in a worker'],
  ['hop1', 'one hop'],
  ['hop2', 'two hops'],
  ['crowd', 'among 1 000'],
  ['tls', 'alknet TLS'],
  ['grpc', 'grpc-js'],
  ['sse', 'alknet SSE'],
  ['websocket', 'alknet WebSocket'],
  ['ws', 'ws JSON'],
  ['currentspace', 'currentspace'],
  ['udp', 'bare UDP'],
  ['git', 'alknet git'],
  ['git-daemon', 'git daemon'],
  ['git-http', 'http-backend'],
  ['call1', 'alknet /call'],
  ['direct1', 'alknet direct'],
  ['fastify1', 'Fastify'],
  ['hono1', 'Hono'],
  ['call2', 'alknet /call h2'],
  ['direct2', 'alknet direct h2'],
  ['fastify2', 'Fastify h2'],
  ['hono2', 'Hono h2'],
];

const ratios: readonly (readonly [StackName, StackName])[] = [
  ['worker', 'quic'],
  ['hop1', 'quic'],
  ['hop2', 'quic'],
  ['crowd', 'quic'],
  ['quic', 'grpc'],
  ['quic', 'ws'],
  ['quic', 'currentspace'],
  ['quic', 'udp'],
  ['tls', 'grpc'],
  ['tls', 'ws'],
  ['sse', 'ws'],
  ['websocket', 'ws'],
  ['git', 'git-daemon'],
  ['git', 'git-http'],
  ['call1', 'fastify1'],
  ['direct1', 'fastify1'],
  ['call2', 'fastify2'],
  ['direct2', 'fastify2'],
];

/** Three digits that count, thousands apart. */
export function rounded(value: number): string {
  const short = Number(value.toPrecision(3));
  if (Math.abs(short) < 100) return short === 0 ? '0' : short.toPrecision(3);
  return short.toFixed(0).replace(/\B(?=(\d{3})+$)/g, ' ');
}

function cell(row: RowResult, stack: StackName): string {
  const figure = row.figures[stack];
  if (figure !== undefined) return rounded(figure.value);
  return row.failures[stack] === undefined ? '' : 'failed';
}

function ratio(row: RowResult, one: StackName, other: StackName): string {
  const above = row.figures[one]?.value;
  const below = row.figures[other]?.value;
  return above === undefined || below === undefined || below === 0 ? '' : `${rounded(above / below)}×`;
}

/** Columns in which no row has anything are left out. */
export function table(rows: readonly RowResult[]): string {
  const columns = [
    ['', ...rows.map(({ title, better }) => (better === 'less' ? `${title} (less is better)` : title))],
    ['unit', ...rows.map(({ unit }) => unit)],
    ...figures.map(([stack, title]) => [title, ...rows.map((row) => cell(row, stack))]),
    ...ratios.map(([one, other]) => [`${one} / ${other}`, ...rows.map((row) => ratio(row, one, other))]),
  ].filter((column, index) => index < 2 || column.slice(1).some((text) => text !== ''));
  const widths = columns.map((column) => Math.max(...column.map((text) => text.length)));
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const pad = (text: string, index: number) =>
    index < 2 ? text.padEnd(widths[index] ?? 0) : text.padStart(widths[index] ?? 0);
  const rule = widths.map((width, index) => (index < 2 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  const [head = '', ...body] = Array.from({ length: rows.length + 1 }, (_, index) =>
    line(columns.map((column, at) => pad(column[index] ?? '', at))),
  );
  return [head, line(rule), ...body].join('\n');
}

/** Machine, method and table; what bench/README.md shows. */
export function report(result: RunResult): string {
  const { machine } = result;
  const packages = Object.entries(machine.packages).map(([name, version]) => `${name} ${version}`);
  const failures = result.rows.flatMap((row) =>
    Object.entries(row.failures).map(([stack, reason]) => `${row.name}, ${stack}: ${reason}`),
  );
  return [
    `${result.date.slice(0, 16).replace('T', ' ')} UTC, ${machine.cpu}, ${machine.cores} cores, ${machine.memory} GiB, ${machine.system}`,
    `Node ${machine.node}, ${packages.join(', ')}; median of ${result.rounds} rounds of ${result.seconds} s`,
    '',
    table(result.rows),
    ...(failures.length > 0 ? ['', 'failed:', ...failures.map((text) => `  ${text}`)] : []),
  ].join('\n');
}

/**
 * What a command writes: data on standard output, all else on standard error. `docs/spec/cli.md` 3.
 *
 * @module
 */

import type { CliError } from './exit.ts';

export interface OutputOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: number;
}

export class Output {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: number;

  constructor({ json, quiet, verbose }: OutputOptions) {
    this.json = json;
    this.quiet = quiet;
    this.verbose = verbose;
  }

  /** One result: JSON with `--json`, else the text. */
  result(value: unknown, text: string): void {
    this.write(
      this.json ? `${JSON.stringify(value)}\n` : text === '' || text.endsWith('\n') ? text : `${text}\n`,
    );
  }

  /** One of many results, one a line. */
  item(value: unknown): void {
    this.write(`${JSON.stringify(value)}\n`);
  }

  write(text: string): void {
    process.stdout.write(text);
  }

  hint(text: string): void {
    if (!this.quiet && !this.json) process.stderr.write(`${text}\n`);
  }

  warn(text: string): void {
    if (!this.json) process.stderr.write(`warning: ${text}\n`);
  }

  debug(text: string): void {
    if (this.verbose > 0) process.stderr.write(`${text}\n`);
  }

  error(error: CliError): void {
    const { code, message, details, exit, reason, hint } = error;
    if (this.json) {
      process.stderr.write(
        `${JSON.stringify({ error: { code, message, ...(details === undefined ? {} : { details }), exit } })}\n`,
      );
      return;
    }
    process.stderr.write(`error: ${message}\n`);
    const issues = (details as { issues?: { path: string; message: string }[] } | undefined)?.issues;
    for (const issue of issues?.slice(1) ?? []) process.stderr.write(`  ${issue.path} ${issue.message}\n`);
    const ref = (details as { ref?: string } | undefined)?.ref;
    if (ref !== undefined) process.stderr.write(`  cause: the log of the node has it under ref ${ref}\n`);
    if (reason !== undefined && (exit !== 70 || this.verbose > 0))
      process.stderr.write(`  cause: ${reason}\n`);
    if (hint !== undefined) process.stderr.write(`  try: ${hint}\n`);
  }
}

/** Upper-case header, two spaces between columns, no borders. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header.map((cell) => cell.toUpperCase()), ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  return all
    .map(
      (row) =>
        `${row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0))).join('  ')}\n`,
    )
    .join('');
}

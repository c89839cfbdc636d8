/**
 * What a command writes: data on standard output, all else on standard error. `docs/spec/cli.md` 3.
 *
 * @module
 */

import { type CliError, usage } from './exit.ts';

export interface OutputOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: number;
  /** Of `--color`. */
  readonly color?: string | undefined;
}

/** `--color` before `NO_COLOR` before what is at the other end. @throws CliError exit 2 */
export function wantsColour(choice: string | undefined, stream: { readonly isTTY?: boolean }): boolean {
  if (choice === 'always' || choice === 'never') return choice === 'always';
  if (choice !== undefined && choice !== 'auto')
    throw usage(`--color: expected auto, always or never, found ${JSON.stringify(choice)}`);
  // no-color.org: present and not empty.
  return stream.isTTY === true && !process.env['NO_COLOR'];
}

export class Output {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: number;
  readonly #boldHeads: boolean;
  readonly #redErrors: boolean;

  constructor({ json, quiet, verbose, color }: OutputOptions) {
    this.json = json;
    this.quiet = quiet;
    this.verbose = verbose;
    this.#boldHeads = wantsColour(color, process.stdout);
    this.#redErrors = wantsColour(color, process.stderr);
  }

  /** One result: JSON with `--json`, else the text. */
  result(value: unknown, text: string): void {
    if (this.json) return this.write(`${JSON.stringify(value)}\n`);
    const lines = text === '' || text.endsWith('\n') ? text : `${text}\n`;
    this.write(this.#boldHeads ? lines.replace(tableHead, '\x1b[1m$&\x1b[22m') : lines);
  }

  /** One of many results, one a line. */
  item(value: unknown): void {
    this.write(`${JSON.stringify(value)}\n`);
  }

  write(text: string): void {
    process.stdout.write(text);
  }

  hint(text: string): void {
    if (!this.quiet && !this.json && process.stderr.isTTY) process.stderr.write(`${text}\n`);
  }

  /** Shows on a terminal that something takes longer than a second, and takes it away again. */
  async during<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
    if (this.quiet || this.json || !process.stderr.isTTY) return await work();
    let seconds = 0;
    const timer = setInterval(() => process.stderr.write(`\r${what}: ${++seconds} s\x1b[K`), 1000);
    try {
      return await work();
    } finally {
      clearInterval(timer);
      if (seconds > 0) process.stderr.write('\r\x1b[K');
    }
  }

  /** For people, whatever stands at the other end. */
  note(text: string): void {
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
    process.stderr.write(`${this.#redErrors ? '\x1b[31merror:\x1b[39m' : 'error:'} ${message}\n`);
    const issues = (details as { issues?: { path: string; message: string }[] } | undefined)?.issues;
    for (const issue of issues?.slice(1) ?? []) process.stderr.write(`  ${issue.path} ${issue.message}\n`);
    const ref = (details as { ref?: string } | undefined)?.ref;
    if (ref !== undefined) process.stderr.write(`  cause: the log of the node has it under ref ${ref}\n`);
    if (reason !== undefined && (exit !== 70 || this.verbose > 0))
      process.stderr.write(`  cause: ${reason}\n`);
    if (hint !== undefined) process.stderr.write(`  try: ${hint}\n`);
  }
}

/** The header of a table: a line of capitals alone. */
const tableHead = /^[A-Z]{2}[A-Z ]*$/gm;

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

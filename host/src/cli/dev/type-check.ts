/**
 * Type errors of a plugin while it is developed: the TypeScript that the plugin itself has installed looks at it in a
 * process of its own, after each save, and nothing waits for it.
 *
 * @module
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setPriority } from 'node:os';
import { join, resolve, sep } from 'node:path';
import { PathWatch } from '../../config/path-watch.ts';
import type { SourceProblem } from '../../plugins/index.ts';

/** Milliseconds without a further save before it looks. */
const quiet = 100;
/** Bytes of its output that are read. */
const maxOutput = 4 * 1024 * 1024;

export interface TypeCheckOptions {
  /** That of the plugin, with its `tsconfig.json`. */
  readonly directory: string;
  /** What it has learnt, for the next time. */
  readonly buildInfo: string;
  readonly report: (problems: readonly SourceProblem[]) => void;
}

export class TypeCheck {
  readonly #options: TypeCheckOptions;
  readonly #tsc: string;
  readonly #watch: PathWatch;
  #child: ChildProcess | undefined;
  #closed = false;

  /** `undefined` when the plugin has no TypeScript, or no `tsconfig.json`. */
  static of(options: TypeCheckOptions): TypeCheck | undefined {
    const tsc = installedTsc(options.directory);
    return tsc !== undefined && existsSync(join(options.directory, 'tsconfig.json'))
      ? new TypeCheck(options, tsc)
      : undefined;
  }

  private constructor(options: TypeCheckOptions, tsc: string) {
    this.#options = options;
    this.#tsc = tsc;
    this.#watch = new PathWatch({ quiet, changed: () => this.run(), failed: () => {} });
  }

  /** Looks anew; what is under way has looked at something else. */
  run(): void {
    if (this.#closed) return;
    this.#end();
    const { directory, buildInfo } = this.#options;
    const flags = [
      '--noEmit',
      '--pretty',
      'false',
      '--listFiles',
      '--incremental',
      '--tsBuildInfoFile',
      buildInfo,
    ];
    const child = spawn(process.execPath, [this.#tsc, '-p', 'tsconfig.json', ...flags], {
      cwd: directory,
      stdio: ['ignore', 'pipe', 'ignore'],
      // A group of its own: tsc may be a launcher of what does the work.
      detached: true,
    });
    this.#child = child;
    if (child.pid !== undefined) lowerPriority(child.pid);
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (output.length < maxOutput) output += text;
    });
    child.on('error', () => {});
    child.on('close', (code) => {
      if (this.#child !== child) return;
      this.#child = undefined;
      const { problems, files } = parseTsc(output, directory);
      this.#watch.follow([join(directory, 'tsconfig.json'), ...files.filter(ours)]);
      // Ended by a signal it has said nothing.
      if (code !== null) this.#options.report(problems);
    });
  }

  close(): void {
    this.#closed = true;
    this.#watch.close();
    this.#end();
  }

  #end(): void {
    const { pid } = this.#child ?? {};
    this.#child = undefined;
    if (pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
}

const ours = (file: string) => !file.includes(`${sep}node_modules${sep}`);

function installedTsc(directory: string): string | undefined {
  const paths = createRequire(join(directory, 'package.json')).resolve.paths('typescript') ?? [];
  return paths.map((path) => join(path, 'typescript/bin/tsc')).find((path) => existsSync(path));
}

function lowerPriority(pid: number): void {
  try {
    setPriority(pid, 10);
  } catch {
    // It has ended, or the system does not have it.
  }
}

/** What `tsc --pretty false --listFiles` writes. */
export function parseTsc(output: string, directory: string): { problems: SourceProblem[]; files: string[] } {
  const problems: SourceProblem[] = [];
  const files: string[] = [];
  for (const line of output.split(/\r?\n/)) {
    const [, file, row, column, text] = /^(.+?)\((\d+),(\d+)\): error (TS\d+: .*)$/.exec(line) ?? [];
    const [, anywhere] = /^error (TS\d+: .*)$/.exec(line) ?? [];
    const last = problems.at(-1);
    if (file !== undefined && text !== undefined) {
      const place = { file: resolve(directory, file), line: Number(row), column: Number(column) };
      problems.push({ message: text, place });
    } else if (anywhere !== undefined) problems.push({ message: anywhere, place: undefined });
    // The rest of a message is indented below it.
    else if (/^\s+\S/.test(line) && last !== undefined && files.length === 0)
      problems[problems.length - 1] = { ...last, message: `${last.message}\n${line}` };
    else if (line !== '') files.push(resolve(directory, line));
  }
  return { problems, files };
}

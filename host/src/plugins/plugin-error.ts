/**
 * Why a plugin does not run, with the place in its author's source where that is known.
 *
 * @module
 */

export interface SourcePlace {
  readonly file: string;
  /** Both from 1. */
  readonly line: number;
  readonly column: number;
}

/** One fault of a source. */
export interface SourceProblem {
  readonly message: string;
  readonly place: SourcePlace | undefined;
}

export interface PluginErrorOptions {
  readonly place?: SourcePlace | undefined;
  readonly problems?: readonly SourceProblem[];
  readonly cause?: unknown;
}

export class PluginError extends Error {
  override readonly name: string = 'PluginError';
  /** Of the first problem. */
  readonly place: SourcePlace | undefined;
  /** At least one; several when a build found several at once. */
  readonly problems: readonly SourceProblem[];

  constructor(message: string, { place, problems, cause }: PluginErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.problems = problems ?? [{ message: withoutPlace(message, place), place }];
    this.place = place ?? this.problems[0]?.place;
  }
}

function withoutPlace(message: string, place: SourcePlace | undefined): string {
  const prefix = place === undefined ? '' : `${placeText(place)}: `;
  return message.startsWith(prefix) ? message.slice(prefix.length) : message;
}

export function placeText({ file, line, column }: SourcePlace): string {
  return `${file}:${line}:${column}`;
}

/** First frame of the stack that lies in one of the files, not in Node or the host. */
export function placeIn(stack: string, files: readonly string[]): SourcePlace | undefined {
  for (const frame of stack.split('\n')) {
    const file = files.find((candidate) => frame.includes(`${candidate}:`));
    const [, line, column] = /:(\d+):(\d+)\)?\s*$/.exec(frame) ?? [];
    if (file !== undefined && line !== undefined) return { file, line: Number(line), column: Number(column) };
  }
  return undefined;
}

export function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? '') : '';
}

/** The message of whatever was thrown, on one line. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.split('\n')[0] ?? '';
}

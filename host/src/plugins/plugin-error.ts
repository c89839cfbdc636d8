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

export class PluginError extends Error {
  override readonly name = 'PluginError';
  readonly place: SourcePlace | undefined;

  constructor(message: string, options: { place?: SourcePlace | undefined; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.place = options.place;
  }
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

/**
 * Where log lines go. Writing never blocks: when the sink is slow, lines below `warn` are dropped and counted.
 * `docs/spec/config.md` 9.
 *
 * @module
 */

import { chmodSync, createWriteStream, type WriteStream } from 'node:fs';
import type { Writable } from 'node:stream';
import { levelNumbers } from './levels.ts';
import { LogTail } from './tail.ts';
import { textLine } from './text-format.ts';

/** Bytes that may wait in a slow sink before lines below `warn` are dropped, and before all are. */
const maxWaiting = 1024 * 1024;
const maxWaitingWarnings = 8 * 1024 * 1024;

export interface SinkOptions {
  readonly format: 'text' | 'json';
  readonly colour: boolean;
  /** Path; absent: `stream`. */
  readonly file?: string | undefined;
  /** Default: standard error. */
  readonly stream?: Writable;
}

/** A destination of pino that is told the level of each line. */
export class LogSink {
  lastLevel = 0;
  /** Of all lines, also those that a slow sink drops. */
  readonly tail = new LogTail();
  #options: SinkOptions;
  #out: Writable;
  #file: WriteStream | undefined;
  #dropped = 0;

  constructor(options: SinkOptions) {
    // Asks pino for `lastLevel`.
    Object.assign(this, { [Symbol.for('pino.metadata')]: true });
    this.#options = options;
    this.#out = this.#open();
  }

  /** Lines dropped since the last one that said so. */
  get dropped(): number {
    return this.#dropped;
  }

  write(line: string): void {
    this.tail.push(line);
    const waiting = this.#out.writableLength;
    const slow = waiting > maxWaiting;
    if (slow && (this.lastLevel < levelNumbers.warn || waiting > maxWaitingWarnings)) {
      this.#dropped++;
      return;
    }
    if (!slow && this.#dropped > 0) {
      const lines = this.#dropped;
      this.#dropped = 0;
      this.#write(
        `${JSON.stringify({ level: 'warn', time: new Date().toISOString(), event: 'log lines dropped', lines })}\n`,
      );
    }
    this.#write(line);
  }

  #write(line: string): void {
    const { format, colour } = this.#options;
    this.#out.write(format === 'json' ? line : textLine(line, colour && this.#file === undefined));
  }

  configure(options: SinkOptions): void {
    const reopen = options.file !== this.#options.file;
    this.#options = options;
    if (reopen) this.reopen();
  }

  /** For rotation: SIGHUP makes the file anew. */
  reopen(): void {
    this.#file?.end();
    this.#file = undefined;
    this.#out = this.#open();
  }

  #open(): Writable {
    const { file, stream } = this.#options;
    if (file === undefined) return stream ?? process.stderr;
    this.#file = createWriteStream(file, { flags: 'a', mode: 0o600 });
    // A log that cannot be written must not end the node.
    this.#file.on('error', () => {});
    this.#file.once('open', () => chmodSync(file, 0o600));
    return this.#file;
  }

  /** Resolves when all that was written has left. */
  async close(): Promise<void> {
    const file = this.#file;
    if (file !== undefined) await new Promise<void>((resolve) => file.end(resolve));
  }
}

/**
 * A program that serves a session channel, on pipes or on a pty.
 *
 * @module
 */

import type { Channel } from '../session/channel.ts';
import type { Account } from './account.ts';
import { startPiped } from './piped.ts';
import type { ProcessGroup } from './process-group.ts';
import { startOnPty } from './terminal.ts';

export interface WindowSize {
  readonly cols: number;
  readonly rows: number;
}

export interface PtyRequest extends WindowSize {
  readonly term: string;
  /** Mode of RFC 4254 8 to its value. */
  readonly modes: Readonly<Record<string, number>>;
}

export interface Start {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly account: Account;
  readonly pty: PtyRequest | undefined;
}

export interface Program {
  readonly group: ProcessGroup;
  /** Settled when it has ended and all its output is on its way. */
  readonly done: Promise<void>;
  resize(size: WindowSize): void;
  /** Joins it with its channel. */
  attach(): void;
}

/** @throws Error when it cannot be started */
export function startProgram(start: Start, channel: Channel): Promise<Program> {
  return start.pty === undefined ? startPiped(start, channel) : startOnPty(start, start.pty, channel);
}

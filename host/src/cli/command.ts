/**
 * What a command is. One table of these drives parsing, help and dispatch.
 *
 * @module
 */

import type { Context } from './context.ts';

export interface Option {
  readonly name: string;
  readonly short?: string;
  /** Placeholder of its value; absent: a switch. */
  readonly value?: string;
  readonly repeat?: boolean;
  readonly completes?: Completes;
  readonly help: string;
}

/** What a shell offers for a word that only this node's files know. */
export type Completes = 'peers' | 'entries' | 'operations' | 'plugins';

export interface Command {
  /** `['peer', 'add']` */
  readonly path: readonly string[];
  readonly aliases?: readonly (readonly string[])[];
  readonly summary: string;
  /** What stands behind the name in the synopsis. */
  readonly usage?: string;
  readonly options?: readonly Option[];
  /** Each runs as printed on a fresh node. */
  readonly examples: readonly string[];
  /** Numbers of arguments that it takes. */
  readonly arguments?: readonly [number, number];
  /** Only long options directly behind its words are its own; all else is for the program that it runs. */
  readonly wraps?: boolean;
  /** Runs until a signal, and sees to those itself. */
  readonly endsItself?: boolean;
  /** Carries bytes for the program that started it, and is told by `SIGHUP` that this is over, as ssh tells a ProxyCommand. */
  readonly carries?: boolean;
  /** Of its first argument. */
  readonly completes?: Completes;
  /** Exit code. */
  run(context: Context): Promise<number | undefined>;
}

export const globalOptions: readonly Option[] = [
  { name: 'config', value: 'FILE', help: 'configuration file' },
  { name: 'data', value: 'DIR', help: 'data directory' },
  { name: 'node', value: 'PEER', completes: 'peers', help: 'the node to talk to instead of the local one' },
  { name: 'json', help: 'machine output' },
  { name: 'quiet', short: 'q', help: 'no progress, no hints; errors only' },
  { name: 'verbose', short: 'v', repeat: true, help: 'diagnostics on standard error' },
  { name: 'color', value: 'WHEN', help: 'auto (default), always or never' },
  { name: 'timeout', value: 'SECONDS', help: 'for the whole command; 30 for requests' },
  { name: 'yes', short: 'y', help: 'answer confirmations with yes' },
  { name: 'help', short: 'h', help: 'this text' },
  { name: 'version', help: 'version' },
];

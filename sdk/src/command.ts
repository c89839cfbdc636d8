/**
 * A command that a plugin contributes to `alknet`, run as `alknet <plugin> <name>`. `docs/spec/cli.md` 1.
 *
 * @example
 * contributes: {
 *   cli: [
 *     {
 *       name: 'now',
 *       summary: 'The time of the node',
 *       examples: ['alknet acme-clock now'],
 *       run: async ({ call, result }) => {
 *         const { iso } = (await call('acme-clock/now', {})) as { iso: string };
 *         result({ iso }, iso);
 *       },
 *     },
 *   ],
 * }
 *
 * @module
 */

import type { Connection } from './connection.ts';

export interface CommandOption {
  /** Without dashes: `lines` for `--lines`. */
  readonly name: string;
  /** One letter, without the dash: `L` for `-L`. */
  readonly short?: string;
  /** Placeholder of its value, in capitals; absent: a switch. */
  readonly value?: string;
  readonly repeat?: boolean;
  readonly help: string;
}

export interface PluginCommand {
  /** One word. */
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** What stands behind the name in the synopsis: `NAME [FILE]`. */
  readonly usage?: string;
  readonly options?: readonly CommandOption[];
  /** At least one, as it is typed. */
  readonly examples: readonly string[];
  /** Least and most number of arguments. Default none. */
  readonly arguments?: readonly [number, number];
  /** Run as `alknet <name>`. Only of a built-in plugin, whose names the host knows: `docs/spec/cli.md` 1. */
  readonly topLevel?: boolean;
  /**
   * What stands behind the name is for another program: only long options directly behind the name are the command's, and
   * signals are its own business.
   */
  readonly wraps?: boolean;
  /** The exit code, 0 if nothing. Errors thrown are shown and end with the code of `docs/spec/cli.md` 4. */
  run(context: CommandContext): Promise<number | undefined> | Promise<void> | void;
}

/** What a command gets. It runs in a process of its own, as the operator, and not in the node. */
export interface CommandContext {
  readonly arguments: readonly string[];
  /** Whether a switch was given. */
  has(option: string): boolean;
  value(option: string): string | undefined;
  values(option: string): readonly string[];
  /** `--json`: `result` and `item` write JSON. */
  readonly json: boolean;
  /** Aborted by an interrupt, or when `--timeout` is over. */
  readonly signal: AbortSignal;
  /** The one result: `value` as JSON with `--json`, else `text`. */
  result(value: unknown, text: string): void;
  /** One of many results, one a line. */
  item(value: unknown, text: string): void;
  /** To standard error, for people. */
  note(text: string): void;
  /** An operation of the local node, or that of `--node`, as the operator. @throws CallError */
  call(name: string, input?: unknown): Promise<unknown>;
  subscribe(name: string, input?: unknown): AsyncIterable<unknown>;
  /** Only of a built-in plugin. */
  readonly operator?: OperatorFiles;
  /** A connection to a peer as `docs/spec/cli.md` 5 names it, with the operator's identity. */
  dial(peer: string, alpn: string): Promise<Connection>;
  /**
   * Runs a program of the system in the place of this command, which is one that {@link PluginCommand.wraps}: same
   * terminal, same input and output, signals handed on. Its exit code, or 128 and the number of the signal that ended it.
   * `advice` is what to do when there is no such program. @throws CallError `NOT_INSTALLED`
   */
  runProgram(file: string, args: readonly string[], advice: string): Promise<number>;
}

/** What a command of a built-in plugin hands to the programs that it runs. */
export interface OperatorFiles {
  /** The data directory, absolute. */
  readonly dataDir: string;
  /** File with the operator's key, an OpenSSH private key with mode 0600; absent when there is none. */
  readonly key: string | undefined;
  /** Words that run this `alknet` with the same configuration and data. */
  readonly program: readonly string[];
}

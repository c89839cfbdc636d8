/**
 * What `alknet doctor` finds: one row a condition, with a remedy for what is not as it should be. `docs/spec/cli.md` 6.
 *
 * @module
 */

import type { LoadedConfig } from '../../config/index.ts';
import type { NodeFile } from '../../node-file.ts';

export interface Check {
  readonly name: string;
  readonly state: 'ok' | 'warn' | 'fail';
  readonly message: string;
  readonly remedy?: string;
}

/** What the checks look at. */
export interface Patient {
  readonly configPath: string | undefined;
  /** Absent: there is none, or it is broken. */
  readonly config: LoadedConfig | undefined;
  readonly dataDir: string;
  /** Absent: no node runs here. */
  readonly node: NodeFile | undefined;
  /** Repair permissions and stale files. */
  readonly fix: boolean;
}

export const ok = (name: string, message: string): Check => ({ name, state: 'ok', message });
export const warn = (name: string, message: string, remedy: string): Check => ({
  name,
  state: 'warn',
  message,
  remedy,
});
export const fail = (name: string, message: string, remedy: string): Check => ({
  name,
  state: 'fail',
  message,
  remedy,
});

export function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * What a configuration says as far as it can be read: for completion, which has no time to check it, and for the doctor,
 * who also looks at the data of a node whose configuration is broken.
 *
 * @module
 */

import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { findDataDir, thisProcess } from '../config/sources.ts';
import { parse } from '../libraries/jsonc.ts';

/** A file that is half written, or absent, says less or nothing. */
export function looseFile(path: string): Readonly<Record<string, unknown>> {
  try {
    return record(parse(readFileSync(path, 'utf8'), [], { allowTrailingComma: true }));
  } catch {
    return {};
  }
}

export function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** `option`: that of `--data`. */
export function looseDataDir(option: string | undefined, configPath: string | undefined): string {
  const own = configPath === undefined ? undefined : looseFile(configPath)['dataDir'];
  const beside =
    typeof own === 'string' && configPath !== undefined ? resolve(dirname(configPath), own) : undefined;
  return findDataDir(option, beside, thisProcess()).path;
}

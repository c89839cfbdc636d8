/**
 * From a file to the configuration in force: read, parse, schema, cross-checks. `docs/spec/config.md` 4, steps 1 to 3.
 *
 * @module
 */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { crossChecks } from './checks.ts';
import { type Config, effectiveConfig, type LogLevel } from './effective.ts';
import { fit } from './fit.ts';
import { type ConfigDocument, parseConfig } from './parse.ts';
import { ConfigError, inOrderOfLine, type Path, type Problem } from './problems.ts';
import { type ConfigFile, configSchema } from './schema.ts';
import { findSecrets } from './secret-scan.ts';
import { findDataDir, type Origin, type Surroundings, thisProcess } from './sources.ts';
import { writableByOthers, writableText } from './writable.ts';

export interface LoadOptions {
  /** What the command line says. */
  readonly dataDir?: string;
  readonly logLevel?: string;
  readonly logFormat?: 'text' | 'json';
  /** Default: working directory, environment and user of this process. */
  readonly surroundings?: Surroundings;
}

export interface LoadedConfig {
  readonly path: string;
  /** First 12 hexadecimal digits of SHA-256 over the bytes. */
  readonly revision: string;
  readonly loadedAt: Date;
  readonly config: Config;
  readonly document: ConfigDocument;
  readonly warnings: readonly Problem[];
  /** Which source a key of the configuration has its value from. */
  origin(path: Path): Origin;
}

export function revisionOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 12);
}

/** @throws ConfigError with every problem of the first step that failed */
export async function loadConfig(path: string, options: LoadOptions = {}): Promise<LoadedConfig> {
  const file = resolve(path);
  const bytes = await readConfig(file);
  const loaded = configFromBytes(file, bytes, options);
  const writable = writableText(await writableByOthers([file]));
  if (writable === undefined) return loaded;
  const problem = { pointer: '', line: 1, column: 1, message: writable };
  const { mode } = loaded.config.trust;
  if (mode !== 'any')
    throw new ConfigError(path, [{ ...problem, message: `trust.mode "${mode}": ${writable}` }]);
  return { ...loaded, warnings: [problem, ...loaded.warnings] };
}

/** @throws ConfigError when the file cannot be read */
export async function readConfig(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    const message =
      code === 'ENOENT'
        ? 'expected a file here, found none; alknet init makes one'
        : `cannot be read: ${code}`;
    throw new ConfigError(path, [{ pointer: '', line: 1, column: 1, message }]);
  }
}

/** @throws ConfigError */
export function configFromBytes(path: string, bytes: Uint8Array, options: LoadOptions = {}): LoadedConfig {
  const refuse = (problems: readonly Problem[]): never => {
    throw new ConfigError(path, inOrderOfLine(problems));
  };
  const parsed = parseConfig(bytes);
  if (parsed.document === undefined) return refuse(parsed.problems);
  const { document } = parsed;
  const fitted = fit(document.value, configSchema, dirname(path));
  const problems = [...findSecrets(document.text), ...fitted.findings.map(document.locate)];
  if (problems.length > 0) refuse(problems);
  const file = fitted.value as ConfigFile;
  const contradictions = crossChecks(file).map(document.locate);
  if (contradictions.length > 0) refuse(contradictions);

  const surroundings = options.surroundings ?? thisProcess();
  const dataDir = findDataDir(options.dataDir, file.dataDir, surroundings);
  const level = logLevel(options.logLevel, surroundings.env['ALKNET_LOG'], path);
  const config = effectiveConfig(file, {
    dataDir: dataDir.path,
    ...(level === undefined ? {} : { logLevel: level.value }),
    ...(options.logFormat === undefined ? {} : { logFormat: options.logFormat }),
  });
  const outside = new Map<string, Origin | undefined>([
    ['dataDir', dataDir.origin],
    ['log.level', level?.origin],
    ['log.format', options.logFormat === undefined ? undefined : 'option'],
  ]);
  return {
    path,
    revision: revisionOf(bytes),
    loadedAt: new Date(),
    config,
    document,
    warnings: [...warnings(file)].map(document.locate),
    origin: (key) => outside.get(key.join('.')) ?? (document.has(key) ? 'file' : 'default'),
  };
}

const levels: readonly LogLevel[] = ['error', 'warn', 'notice', 'info', 'debug', 'trace'];

function logLevel(option: string | undefined, environment: string | undefined, path: string) {
  const text = option ?? (environment || undefined);
  if (text === undefined) return undefined;
  const value = levels.find((level) => level === text);
  if (value !== undefined)
    return { value, origin: option === undefined ? ('environment' as const) : ('option' as const) };
  const source = option === undefined ? 'ALKNET_LOG' : '--log-level';
  const message = `${source}: expected one of ${levels.join(', ')}, found ${JSON.stringify(text.slice(0, 80))}`;
  throw new ConfigError(path, [{ pointer: '/log/level', line: 1, column: 1, message }]);
}

function* warnings(file: ConfigFile) {
  const enabled = Object.values(file.plugins).some((entry) =>
    typeof entry === 'boolean' ? entry : entry.enabled,
  );
  if (!enabled) yield { path: ['plugins'], message: 'no plugin is enabled: this node serves nothing' };
}

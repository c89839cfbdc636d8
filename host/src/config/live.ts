/**
 * The configuration of a running node: it follows the file, whole or not at all. `docs/spec/config.md` 4.
 *
 * @module
 */

import { type Config, deepFreeze } from './effective.ts';
import {
  configFromBytes,
  type LoadedConfig,
  type LoadOptions,
  loadConfig,
  readConfig,
  revisionOf,
} from './load.ts';
import { ConfigError, type Path, type Problem, pointerOf } from './problems.ts';
import type { Origin } from './sources.ts';

/** Top-level keys that a running node cannot change. */
const restartKeys = ['dataDir', 'listen', 'store', 'vault'] as const;
export type RestartKey = (typeof restartKeys)[number];

export interface LiveOptions extends LoadOptions {
  /** Step 4: what running plugins say of their new `config`. Problems refuse the whole. */
  readonly check?: (next: Config, current: Config) => Promise<readonly { path: Path; message: string }[]>;
  /** Step 6: plugins follow. What fails there concerns one plugin and is reported by it. */
  readonly apply?: (next: Config, previous: Config) => Promise<void>;
  readonly onEvent?: (event: ConfigEvent) => void;
}

export type ConfigEvent =
  | { readonly kind: 'applied'; readonly revision: string; readonly warnings: readonly Problem[] }
  | { readonly kind: 'refused'; readonly error: ConfigError }
  | { readonly kind: 'restart-needed'; readonly keys: readonly RestartKey[] };

export type ReloadResult =
  | { readonly taken: true; readonly revision: string }
  | { readonly taken: false; readonly error: ConfigError };

export class LiveConfig {
  readonly path: string;
  private readonly options: LiveOptions;
  private loaded: LoadedConfig;
  private refused: ConfigError | undefined;
  private pending: readonly RestartKey[] = [];
  private running: Promise<ReloadResult> | undefined;
  private next: Promise<ReloadResult> | undefined;

  /** Begins with what was loaded at start. */
  constructor(loaded: LoadedConfig, options: LiveOptions = {}) {
    this.path = loaded.path;
    this.loaded = loaded;
    this.options = options;
  }

  /** Whole and frozen; another object after a reload. Read it at each use. */
  get current(): Config {
    return this.loaded.config;
  }

  /** The same with its file and where each value is from. */
  get inForce(): LoadedConfig {
    return this.loaded;
  }

  get revision(): string {
    return this.loaded.revision;
  }

  get loadedAt(): Date {
    return this.loaded.loadedAt;
  }

  get warnings(): readonly Problem[] {
    return this.loaded.warnings;
  }

  /** Why the file on disk is not in force; `undefined` when it is. */
  get error(): ConfigError | undefined {
    return this.refused;
  }

  /** Keys whose value on disk waits for a restart. */
  get restartNeeded(): readonly RestartKey[] {
    return this.pending;
  }

  origin(path: Path): Origin {
    return this.loaded.origin(path);
  }

  /** Takes the file as it is now. Calls that come while one is under way share one further reload. */
  reload(): Promise<ReloadResult> {
    if (this.running === undefined) {
      this.running = this.take().finally(() => {
        this.running = undefined;
      });
      return this.running;
    }
    this.next ??= this.running.then(() => {
      this.next = undefined;
      return this.reload();
    });
    return this.next;
  }

  private async take(): Promise<ReloadResult> {
    try {
      const bytes = await readConfig(this.path);
      if (revisionOf(bytes) === this.revision) {
        this.refused = undefined;
        return { taken: true, revision: this.revision };
      }
      const candidate = await loadConfig(this.path, this.options);
      return await this.swap(candidate);
    } catch (error) {
      return this.refuse(error);
    }
  }

  /** The file as it is on disk now, in force or not. @throws ConfigError */
  read(): Promise<LoadedConfig> {
    return loadConfig(this.path, this.options);
  }

  /** Whether the node would take these bytes; changes nothing. @throws ConfigError */
  async validate(bytes: Uint8Array): Promise<LoadedConfig> {
    const candidate = configFromBytes(this.path, bytes, this.options);
    await this.checkPlugins(candidate);
    return candidate;
  }

  private async swap(candidate: LoadedConfig): Promise<ReloadResult> {
    const previous = this.current;
    const waiting = restartKeys.filter((key) => !sameValue(candidate.config[key], previous[key]));
    const kept = Object.fromEntries(restartKeys.map((key) => [key, previous[key]]));
    const config: Config =
      waiting.length === 0 ? candidate.config : deepFreeze({ ...candidate.config, ...kept });
    await this.checkPlugins({ ...candidate, config });

    this.loaded = { ...candidate, config };
    this.refused = undefined;
    const news = waiting.filter((key) => !this.pending.includes(key));
    this.pending = waiting;
    if (news.length > 0) this.options.onEvent?.({ kind: 'restart-needed', keys: news });
    this.options.onEvent?.({ kind: 'applied', revision: candidate.revision, warnings: candidate.warnings });
    await this.options.apply?.(config, previous);
    return { taken: true, revision: candidate.revision };
  }

  private async checkPlugins(candidate: LoadedConfig): Promise<void> {
    const findings = (await this.options.check?.(candidate.config, this.current)) ?? [];
    if (findings.length > 0) throw new ConfigError(this.path, findings.map(candidate.document.locate));
  }

  private refuse(error: unknown): ReloadResult {
    const refusal =
      error instanceof ConfigError
        ? error
        : new ConfigError(this.path, [
            { pointer: pointerOf([]), line: 1, column: 1, message: String(error) },
          ]);
    // The same refusal once more (a second event of one save) is no news.
    const known = this.refused?.message === refusal.message;
    this.refused = refusal;
    if (!known) this.options.onEvent?.({ kind: 'refused', error: refusal });
    return { taken: false, error: refusal };
  }
}

/** Both are plain data, made by the same code in the same order of keys. */
function sameValue(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

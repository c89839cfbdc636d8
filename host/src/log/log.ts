/**
 * The log of a node: pino behind the sdk's {@link Log}, with a level for each plugin that follows the configuration.
 *
 * @module
 */

import type { Log, LogFields, LogLevel } from '@alknet/sdk';
import { type Logger, pino } from 'pino';
import { levelNumbers } from './levels.ts';
import { LogSink, type SinkOptions } from './sink.ts';

export interface LogSettings {
  readonly level: LogLevel;
  /** Plugin name → level. */
  readonly plugins: Readonly<Record<string, LogLevel>>;
}

export class NodeLog {
  readonly log: Log;
  readonly sink: LogSink;
  readonly #pino: Logger<'notice'>;
  #settings: LogSettings;

  constructor(settings: LogSettings, sink: SinkOptions) {
    this.#settings = settings;
    this.sink = new LogSink(sink);
    this.#pino = pino(
      {
        level: 'trace',
        base: null,
        messageKey: 'event',
        customLevels: { notice: levelNumbers.notice },
        formatters: { level: (label) => ({ level: label }) },
        timestamp: () => `,"time":"${new Date().toISOString()}"`,
        serializers: { error: errorText },
      },
      this.sink,
    );
    this.log = this.#child(undefined, this.#pino);
  }

  /** From the next line on. */
  configure(settings: LogSettings): void {
    this.#settings = settings;
  }

  /** The log of a plugin, whose level may be another one. */
  plugin(name: string): Log {
    return this.#child(name, this.#pino.child({ plugin: name }));
  }

  #level(plugin: string | undefined): LogLevel {
    const { level, plugins } = this.#settings;
    return (plugin !== undefined && Object.hasOwn(plugins, plugin) ? plugins[plugin] : undefined) ?? level;
  }

  #child(plugin: string | undefined, logger: Logger<'notice'>): Log {
    const enabled = (level: LogLevel) => levelNumbers[level] >= levelNumbers[this.#level(plugin)];
    const write =
      (level: LogLevel) =>
      (event: string, fields: LogFields = {}) => {
        if (!enabled(level)) return;
        logger[level](fields, event);
      };
    return {
      error: write('error'),
      warn: write('warn'),
      notice: write('notice'),
      info: write('info'),
      debug: write('debug'),
      trace: write('trace'),
      enabled,
      child: (fields) => this.#child(plugin, logger.child(fields)),
    };
  }
}

/** Stack and causes of an error, in one field. */
function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? `${error.name}: ${error.message}`;
  return error.cause === undefined ? own : `${own}\ncaused by ${errorText(error.cause)}`;
}

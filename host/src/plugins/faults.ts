/**
 * What a plugin leaves behind: rejections nobody waits for, and exceptions out of its timers and callbacks. They are
 * told to whom they belong where that can be known, and never end the node. `docs/spec/config.md` 6.4.
 *
 * @module
 */

import { AsyncLocalStorage } from 'node:async_hooks';

const running = new AsyncLocalStorage<string>();

/** Runs a plugin's code; what it starts and forgets is known as its own. */
export function asPlugin<Result>(plugin: string, run: () => Result): Result {
  return running.run(plugin, run);
}

/** The plugin whose code runs now. */
export function runningPlugin(): string | undefined {
  return running.getStore();
}

export interface Fault {
  readonly error: unknown;
  readonly kind: 'rejection' | 'exception';
  /** `undefined`: not known. */
  readonly plugin: string | undefined;
}

export interface FaultOptions {
  readonly report: (fault: Fault) => void;
  /** Which plugin a source file belongs to, for faults that carry no other trace. */
  readonly pluginOfStack?: (stack: string) => string | undefined;
}

/** Sets the handlers of the process; the result takes them away again. */
export function catchFaults({ report, pluginOfStack }: FaultOptions): () => void {
  const tell = (error: unknown, kind: Fault['kind']) => {
    const stack = error instanceof Error ? error.stack : undefined;
    // The stack first: a handler of one plugin runs within the connection of another.
    const plugin = (stack === undefined ? undefined : pluginOfStack?.(stack)) ?? runningPlugin();
    try {
      report({ error, kind, plugin });
    } catch {
      // A fault in the report of a fault must not end the node either.
    }
  };
  const onRejection = (error: unknown) => tell(error, 'rejection');
  const onException = (error: unknown) => tell(error, 'exception');
  process.on('unhandledRejection', onRejection);
  process.on('uncaughtException', onException);
  return () => {
    process.off('unhandledRejection', onRejection);
    process.off('uncaughtException', onException);
  };
}

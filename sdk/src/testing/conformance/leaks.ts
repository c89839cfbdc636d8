/**
 * What a plugin leaves behind: timers, sockets, processes, watchers and workers that were made while a piece of work ran
 * and are still there, referenced or not, and listeners on `process`.
 *
 * @module
 */

import { AsyncLocalStorage, createHook } from 'node:async_hooks';

/** Kinds that live until somebody ends them. Of promises and requests the garbage collector takes care. */
const lasting = new Set([
  'Timeout',
  'TCPWRAP',
  'TCPSERVERWRAP',
  'PIPEWRAP',
  'PIPESERVERWRAP',
  'UDPWRAP',
  'PROCESSWRAP',
  'FSEVENTWRAP',
  'STATWATCHER',
  'WORKER',
  'MESSAGEPORT',
  'SIGNALWRAP',
]);

/** Not the plugin's: a signal that aborts by itself, and the timers that deadlines of calls share. */
const harmless = /node:internal\/abort_controller|[/\\]call[/\\]deadlines\.[jt]s/;

interface Made {
  readonly type: string;
  readonly stack: string;
}

export interface Traces {
  /** What is there still, one line each; empty when all is gone. */
  remaining(): readonly string[];
  /** Runs outside of what is watched. */
  aside<Result>(work: () => Result): Result;
  end(): void;
}

/** Watches whatever begins in `work`, at any depth of calls and promises. */
export async function watchLeaks(work: () => Promise<void>): Promise<Traces> {
  const alive = new Map<number, Made>();
  const scope = new AsyncLocalStorage<true>();
  const hook = createHook({
    init(id, type) {
      if (lasting.has(type) && scope.getStore() === true) alive.set(id, { type, stack: deepStack() });
    },
    destroy: (id) => void alive.delete(id),
  });
  const listeners = processListeners();
  const traces: Traces = {
    remaining: () => [
      ...[...alive.values()]
        .filter(({ stack }) => !harmless.test(stack))
        .map(({ type, stack }) => `${nameOf(type)}, made ${placeOf(stack)}`),
      ...[...processListeners()]
        .filter(([name, count]) => count > (listeners.get(name) ?? 0))
        .map(([name]) => `a listener of process "${name}"`),
    ],
    aside: (aside) => scope.exit(aside),
    end: () => hook.disable(),
  };
  hook.enable();
  try {
    await scope.run(true, work);
  } catch (error) {
    hook.disable();
    throw error;
  }
  return traces;
}

function nameOf(type: string): string {
  return type === 'Timeout' ? 'a timer' : `a ${type.replace('WRAP', '').toLowerCase()} handle`;
}

/** The innermost place that is neither Node's nor this package's. */
function placeOf(stack: string): string {
  const frames = stack.split('\n').flatMap((line) => {
    const frame = line.trim();
    return frame.startsWith('at ') && !frame.includes('node:') ? [frame] : [];
  });
  return frames.find((frame) => !/[/\\]sdk[/\\](?:src|dist)[/\\]/.test(frame)) ?? frames[1] ?? 'by Node';
}

/** Deep enough to reach the plugin through a library. */
function deepStack(): string {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 50;
  const { stack = '' } = new Error();
  Error.stackTraceLimit = stackTraceLimit;
  return stack;
}

function processListeners(): Map<string, number> {
  return new Map(process.eventNames().map((name) => [String(name), process.listenerCount(name)]));
}

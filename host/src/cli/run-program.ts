/**
 * Runs a program of the system in the place of this one: same terminal, same input and output, its exit code.
 *
 * @module
 */

import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { CallError } from '@alknet/sdk/streams';

/** `advice` is what to do when there is none. @throws CallError `NOT_INSTALLED` */
export async function runProgram(file: string, args: readonly string[], advice: string): Promise<number> {
  // The terminal tells both of an interrupt; what is sent to this process alone is handed on.
  const ignore = () => {};
  const hand = (signal: NodeJS.Signals) => child.kill(signal);
  const handlers = [
    ['SIGINT', ignore],
    ['SIGQUIT', ignore],
    ['SIGTERM', hand],
    ['SIGHUP', hand],
  ] as const;
  // Before there is a program that a signal could leave behind.
  for (const [signal, handler] of handlers) process.on(signal, handler);
  const child = spawn(file, args, { stdio: 'inherit' });
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', () => reject(new CallError('NOT_INSTALLED', `${file} cannot be run: ${advice}`)));
      // As a shell tells it.
      child.once('exit', (code, signal) =>
        resolve(code ?? 128 + (signal === null ? 1 : constants.signals[signal])),
      );
    });
  } finally {
    for (const [signal, handler] of handlers) process.off(signal, handler);
  }
}

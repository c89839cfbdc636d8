/**
 * Keeps the process of a command its own while code of others runs in it: what that prints is no output of the command,
 * and it cannot end the command in silence.
 *
 * @module
 */

import { Exit } from '../exit.ts';

/** `onExit` is called when the process ends before the result, which lets go of it. */
export function guardProcess(onExit: () => void): () => void {
  const { stdout, stderr } = process;
  const write = stdout.write;
  stdout.write = stderr.write.bind(stderr);
  const release = () => {
    stdout.write = write;
    process.off('exit', ended);
  };
  const ended = () => {
    release();
    onExit();
    process.exitCode = Exit.FAILED;
  };
  process.on('exit', ended);
  return release;
}

/**
 * A program on three pipes: input and output of the channel, and its error output. `docs/spec/ssh.md` 6.4.
 *
 * @module
 */

import { spawn } from 'node:child_process';
import type { Channel } from '../session/channel.ts';
import { ProcessGroup } from './process-group.ts';
import type { Program, Start } from './program.ts';
import { signalNames } from './signal-names.ts';

/** Resolves when the program runs. @throws Error when it cannot be started */
export async function startPiped({ argv, env, cwd, account }: Start, channel: Channel): Promise<Program> {
  const [file = '', ...args] = argv;
  const child = spawn(file, args, {
    cwd,
    env,
    // A session and process group of its own.
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(account.other ? { uid: account.uid, gid: account.gid } : {}),
  });
  // It may end before it reads, and its output may be cut by a kill.
  for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe.on('error', () => {});
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  const group = new ProcessGroup(child.pid ?? 0);
  child.once('exit', () => group.leaderEnded());
  const done = new Promise<void>((resolve) => {
    // After the exit, when the pipes have been read to their end.
    child.once('close', (code, signal) => {
      const name = signal === null ? undefined : signalNames(signal);
      if (name !== undefined) channel.finish({ signal: name });
      else channel.finish({ status: code ?? 255 });
      resolve();
    });
  });
  return {
    group,
    done,
    resize: () => {},
    attach() {
      channel.pipe(child.stdin);
      child.stdout.pipe(channel, { end: false });
      child.stderr.pipe(channel.stderr, { end: false });
      void channel.gone.then(() => {
        // Nobody takes the output any more: what is left in the pipes must not keep them open.
        child.stdout.destroy();
        child.stderr.destroy();
        child.stdin.destroy();
      });
    },
  };
}

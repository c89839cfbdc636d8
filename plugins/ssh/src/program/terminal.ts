/**
 * A program on a pty. `docs/spec/ssh.md` 6.4.
 *
 * @module
 */

import { chownSync } from 'node:fs';
import { Socket } from 'node:net';
import { type IPty, spawn } from '@lydell/node-pty';
import type { Channel } from '../session/channel.ts';
import type { Account } from './account.ts';
import { ProcessGroup } from './process-group.ts';
import type { Program, PtyRequest, Start, WindowSize } from './program.ts';
import { signalNames } from './signal-names.ts';
import { terminalModes } from './terminal-modes.ts';

/** Only inside can the name of the terminal be known, and its modes set before the program reads. */
const inside =
  'SSH_TTY=$(tty); export SSH_TTY; if [ -n "$1" ]; then stty $1 2>/dev/null; fi; shift; exec "$@"';

/** @throws Error when it cannot be started */
export async function startOnPty(start: Start, pty: PtyRequest, channel: Channel): Promise<Program> {
  const argv = ['-c', inside, 'sh', terminalModes(pty.modes), ...start.argv];
  const terminal = withGroupsOf(start.account, () =>
    spawn('/bin/sh', argv, {
      name: pty.term,
      ...sizeOf(pty),
      cwd: start.cwd,
      env: { ...start.env },
      encoding: null,
      ...(start.account.other ? { uid: start.account.uid, gid: start.account.gid } : {}),
    }),
  );
  const { socket, name } = insideOf(terminal);
  if (start.account.other && name !== undefined) chownSync(name, start.account.uid, start.account.gid);
  let given = true;
  const destroy = socket.destroy.bind(socket);
  // After the exit the library waits 200 ms for its socket to end and then drops what a slow reader has not taken yet. On
  // Linux the end always comes, with the last byte.
  if (process.platform === 'linux')
    socket.destroy = (error?: Error) => (given && error === undefined ? socket : destroy(error));
  const leave = () => {
    given = false;
    destroy();
  };
  const group = new ProcessGroup(terminal.pid);
  const done = new Promise<void>((resolve) => {
    terminal.onExit(({ exitCode, signal }) => {
      group.leaderEnded();
      const named = signal === undefined || signal === 0 ? undefined : signalNames(signal);
      if (named === undefined) channel.finish({ status: signal ? 255 : exitCode & 0xff });
      else channel.finish({ signal: named });
      resolve();
    });
  });
  return {
    group,
    done,
    resize: (size) => {
      const { cols, rows } = sizeOf(size);
      try {
        terminal.resize(cols, rows);
      } catch {
        // It has ended meanwhile.
      }
    },
    attach() {
      socket.pipe(channel, { end: false });
      channel.pipe(socket, { end: false });
      void channel.gone.then(leave);
    },
  };
}

/** 0 means that the client has no such size. */
function sizeOf({ cols, rows }: WindowSize): { cols: number; rows: number } {
  const within = (value: number, fallback: number) => (value < 1 ? fallback : Math.min(value, 0xffff));
  return { cols: within(cols, 80), rows: within(rows, 24) };
}

/** The library sets user and group, and leaves the other groups of the daemon to the program. */
function withGroupsOf<Result>(account: Account, run: () => Result): Result {
  if (!account.other) return run();
  const { getgroups, setgroups } = process;
  if (getgroups === undefined || setgroups === undefined)
    throw new Error('runAs: a pty for another user is not possible here');
  const before = getgroups.call(process);
  setgroups.call(process, [account.gid]);
  try {
    return run();
  } finally {
    setgroups.call(process, before);
  }
}

/** The stream with back-pressure behind the library's events. `test/library.test.ts` looks for it. */
function insideOf(terminal: IPty): { socket: Socket; name: string | undefined } {
  const socket: unknown = Reflect.get(terminal, '_socket');
  const name: unknown = Reflect.get(terminal, 'ptsName');
  if (!(socket instanceof Socket)) throw new Error('node-pty has changed: its socket is not where it was');
  return { socket, name: typeof name === 'string' ? name : undefined };
}

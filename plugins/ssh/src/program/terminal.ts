/**
 * A program on a pty. `docs/spec/ssh.md` 6.4.
 *
 * @module
 */

import { chownSync, readSync } from 'node:fs';
import { Socket } from 'node:net';
import { type IPty, spawn } from '@lydell/node-pty';
import type { Channel } from '../session/channel.ts';
import type { Account } from './account.ts';
import { ProcessGroup } from './process-group.ts';
import type { Program, PtyRequest, Start, WindowSize } from './program.ts';
import { signalNames } from './signal-names.ts';
import { terminalModes } from './terminal-modes.ts';

/**
 * Only inside can the name of the terminal be known, and its modes set before the program reads. A terminal for another
 * user becomes that user's right after the fork: a program that is faster waits for it, 1 s at most.
 */
const inside = [
  'SSH_TTY=$(tty); export SSH_TTY',
  'n=0; while [ ! -O "$SSH_TTY" ] && [ $n -lt 100 ]; do sleep 0.01; n=$((n+1)); done; unset n',
  'if [ -n "$1" ]; then stty $1 2>/dev/null; fi',
  'shift; exec "$@"',
].join('\n');

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
  const { socket, descriptor, name } = insideOf(terminal);
  if (start.account.other && name !== undefined) chownSync(name, start.account.uid, start.account.gid);
  let given = true;
  const destroy = socket.destroy.bind(socket);
  // After the exit the library waits 200 ms for its socket to end and then drops what a slow reader has not taken yet. On
  // Linux the end always comes, as EIO or as an end, and after the last byte.
  if (process.platform === 'linux')
    socket.destroy = (error?: Error) =>
      given && error === undefined && !socket.readableEnded ? socket : destroy(error);
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
      socket.once('end', () => {
        const rest = restOf(descriptor);
        if (rest.length > 0 && channel.writable) channel.write(rest);
      });
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

/**
 * What the system still holds. A terminal gives 4 KiB a read at most, and libuv takes a read that does not fill its
 * buffer for the last one when the other side has hung up. No more than the kernel keeps for a terminal, about 64 KiB.
 */
function restOf(descriptor: number): Buffer {
  const parts: Buffer[] = [];
  const part = Buffer.alloc(64 * 1024);
  try {
    for (let length = 1; length > 0; ) {
      length = readSync(descriptor, part);
      parts.push(Buffer.from(part.subarray(0, length)));
    }
  } catch {
    // EIO: that was all.
  }
  return Buffer.concat(parts);
}

/** The stream with back-pressure behind the library's events. `test/library.test.ts` looks for it. */
function insideOf(terminal: IPty): { socket: Socket; descriptor: number; name: string | undefined } {
  const socket: unknown = Reflect.get(terminal, '_socket');
  const name: unknown = Reflect.get(terminal, 'ptsName');
  const descriptor: unknown = Reflect.get(terminal, 'fd');
  if (!(socket instanceof Socket) || typeof descriptor !== 'number')
    throw new Error('node-pty has changed: its socket is not where it was');
  return { socket, descriptor, name: typeof name === 'string' ? name : undefined };
}

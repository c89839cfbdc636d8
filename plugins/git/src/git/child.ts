/**
 * One process of git in a group of its own, so that what it starts ends with it. `docs/spec/git.md` 5.
 *
 * @module
 */

import { spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

/** Bytes of standard error that are kept for the log. */
const tailLength = 4096;
/** Milliseconds from SIGTERM to SIGKILL. */
const grace = 5000;

export interface ChildEnd {
  /** `null`: ended by a signal, or never begun. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last of it. */
  readonly stderr: string;
}

export interface GitChild {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Bytes in both directions so far. */
  moved(): number;
  /** The process has ended and its output has been read. Never rejects. */
  readonly closed: Promise<ChildEnd>;
  /** The process itself has ended; what it started may still hold its output. Never rejects. */
  readonly exited: Promise<void>;
  /** SIGTERM is followed by SIGKILL. Does nothing when it has ended. */
  end(signal: 'SIGTERM' | 'SIGKILL'): void;
}

export function spawnGit(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): GitChild {
  const child = spawn(program, args, {
    cwd: '/',
    env: { ...env },
    stdio: 'pipe',
    shell: false,
    // A new session, and with it a process group that can be ended as a whole.
    detached: true,
  });
  const { stdin, stdout } = child;
  let tail = Buffer.alloc(0);
  child.stderr.on('data', (chunk: Buffer) => {
    tail = Buffer.concat([tail, chunk]).subarray(-tailLength);
  });
  let killer: NodeJS.Timeout | undefined;
  let failure: string | undefined;
  let over = false;
  child.on('error', (error) => {
    failure = error.message;
  });
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('close', () => resolve());
  });
  const closed = new Promise<ChildEnd>((resolve) => {
    child.once('close', (code, signal) => {
      clearTimeout(killer);
      over = true;
      const stderr = failure ?? tail.toString('utf8');
      resolve({ code: failure === undefined ? code : null, signal, stderr });
    });
  });
  return {
    stdin,
    stdout,
    moved: () => moved(stdin, 'bytesWritten') + moved(stdout, 'bytesRead'),
    closed,
    exited,
    end(signal) {
      if (over || !kill(child.pid, signal) || signal === 'SIGKILL' || killer !== undefined) return;
      killer = setTimeout(() => kill(child.pid, 'SIGKILL'), grace);
    },
  };
}

/** Whether there was anything to signal. */
function kill(pid: number | undefined, signal: NodeJS.Signals): boolean {
  if (pid === undefined) return false;
  try {
    return process.kill(-pid, signal);
  } catch {
    return false;
  }
}

/** Pipes of a child are sockets, and those count. */
function moved(pipe: Readable | Writable, counter: 'bytesWritten' | 'bytesRead'): number {
  const value: unknown = Reflect.get(pipe, counter);
  return typeof value === 'number' ? value : 0;
}

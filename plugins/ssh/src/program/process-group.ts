/**
 * A program that was started as leader of its own process group, and how it is ended: SIGHUP, 5 s later SIGKILL.
 * `docs/spec/ssh.md` 6.5.
 *
 * @module
 */

import { rfcSignals } from './signal-names.ts';

/** Milliseconds from SIGHUP to SIGKILL. */
const patience = 5000;

export class ProcessGroup {
  readonly #pid: number;
  #ended = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(pid: number) {
    this.#pid = pid;
  }

  /** One that RFC 4254 does not name is ignored. */
  signal(name: string): void {
    if (rfcSignals.has(name)) this.#send(`SIG${name}`);
  }

  hangUp(): void {
    if (this.#ended || this.#timer !== undefined) return;
    this.#send('SIGHUP');
    this.#timer = setTimeout(() => this.kill(), patience);
  }

  kill(): void {
    this.#send('SIGKILL');
  }

  /** The leader is gone and has been waited for. Others of its group keep their time, and the number is theirs. */
  leaderEnded(): void {
    if (this.#timer !== undefined && this.#exists()) return;
    clearTimeout(this.#timer);
    this.#ended = true;
  }

  #exists(): boolean {
    try {
      process.kill(-this.#pid, 0);
      return true;
    } catch {
      return false;
    }
  }

  #send(signal: string): void {
    if (this.#ended) return;
    try {
      process.kill(-this.#pid, signal);
    } catch {
      // The group is gone already.
    }
  }
}

/**
 * Runs of the three services of git: their limits, their ends, and what they leave. `docs/spec/git.md` 5 and 8.
 *
 * @module
 */

import type { Readable, Writable } from 'node:stream';
import type { Identity, Log } from '@alknet/sdk';
import type { Settings } from '../config.ts';
import type { Service } from '../core/request-line.ts';
import { type ChildEnd, type GitChild, spawnGit } from '../git/child.ts';
import type { Git } from '../git/git.ts';
import type { Repository } from '../repositories/repositories.ts';
import { ByteLimit } from './byte-limit.ts';
import { Closing } from './closing.ts';
import { CommandLimit } from './command-limit.ts';
import type { Push } from './push.ts';
import { busy } from './refusal.ts';
import { type SlotLimits, Slots } from './slots.ts';

/** Bytes of one fetch or archive: wants of more than 600 000 objects. */
const maxRequest = 32 * 1024 * 1024;

export interface RunRequest {
  readonly service: Service;
  readonly repository: Repository;
  readonly identity: Identity;
  /** `GIT_PROTOCOL`. */
  readonly protocol: string | undefined;
  /** Over HTTP: one answer a process, gitprotocol-http(5). */
  readonly stateless?: 'advertise' | 'exchange';
  /** Of a receive-pack. */
  readonly push?: Push;
  /** Milliseconds for the whole, and without a byte in either direction. */
  readonly timeout: number;
  readonly idleTimeout: number;
  /** The client is gone, or the node lets go of it. */
  readonly signal: AbortSignal;
}

export interface RunEnd extends ChildEnd {
  /** What ended it, when it did not end by itself. */
  readonly stopped: string | undefined;
}

export interface Run {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Everything is cleared away. Never rejects. */
  readonly ended: Promise<RunEnd>;
}

interface Running {
  readonly directory: string;
  readonly child: GitChild;
  readonly ended: Promise<RunEnd>;
  readonly push: Push | undefined;
  stop(reason: string, signal: 'SIGTERM' | 'SIGKILL'): void;
}

export class Runs {
  private readonly git: Git;
  private readonly settings: () => Settings;
  private readonly log: Log;
  private readonly slots: Slots;
  private readonly running = new Set<Running>();
  private readonly closing = new Closing();

  constructor(git: Git, settings: () => Settings, log: Log) {
    this.git = git;
    this.settings = settings;
    this.log = log;
    this.slots = new Slots((): SlotLimits => settings().maxProcesses);
  }

  /**
   * A place among the processes, for work that leads to {@link begin}.
   * @throws ServiceRefusal `busy`
   */
  async place(identity: Identity, signal: AbortSignal): Promise<() => void> {
    const release = await this.slots.take(identity.id, signal);
    if (release === undefined) throw busy();
    return release;
  }

  /** Takes over the place. @throws RepositoryGone, with the place as it was */
  begin(request: RunRequest, release: () => void): Run {
    const { repository, protocol, push, signal } = request;
    this.closing.check(repository);
    const env = this.git.environment(repository.directory, {
      ...(protocol === undefined ? {} : { protocol }),
      ...(push === undefined ? {} : { push: push.environment }),
    });
    const child = spawnGit(this.git.places.program, this.argumentsOf(request), env);
    let stopped: string | undefined;
    const stop = (reason: string, how: 'SIGTERM' | 'SIGKILL') => {
      stopped ??= reason;
      child.end(how);
      child.stdin.destroy();
      drain(child.stdout);
      // A reader that has stopped would keep the run from being over.
      void child.exited.then(() => child.stdout.destroy());
    };
    const leave = () => {
      // git itself finishes what it has begun with refs, and so do we: its output is read to the end.
      if (push?.accepted === true) drain(child.stdout);
      else stop('the client is gone', 'SIGTERM');
    };
    const watch = this.watch(request, child, stop);
    signal.addEventListener('abort', leave, { once: true });
    if (signal.aborted) leave();
    const ended = child.closed.then(async (end): Promise<RunEnd> => {
      watch();
      signal.removeEventListener('abort', leave);
      await push?.over(stopped !== undefined || end.signal !== null).catch((error: unknown) => {
        this.log.error('a push was not cleared up', { repository: repository.name, error });
      });
      release();
      this.running.delete(running);
      if (end.code !== 0) this.tell(request, end, stopped);
      return { ...end, stopped };
    });
    const running: Running = { directory: repository.directory, child, ended, push, stop };
    this.running.add(running);
    child.stdin.on('error', () => {});
    const stdin =
      push === undefined
        ? new ByteLimit(maxRequest, () => stop('too long a request', 'SIGKILL'))
        : new CommandLimit(push.maxRefs, () => stop('too many commands', 'SIGKILL'));
    stdin.on('error', () => {});
    child.stdin.once('close', () => stdin.destroy());
    stdin.pipe(child.stdin);
    return { stdin, stdout: child.stdout, ended };
  }

  private argumentsOf({ service, repository, stateless }: RunRequest): string[] {
    const mode =
      stateless === undefined
        ? []
        : stateless === 'advertise'
          ? ['--stateless-rpc', '--http-backend-info-refs']
          : ['--stateless-rpc'];
    const { directory } = repository;
    if (service === 'git-receive-pack') return ['receive-pack', ...mode, directory];
    if (service === 'git-upload-archive') return ['upload-archive', directory];
    // Seconds, at least one.
    const timeout = Math.max(1, Math.ceil(this.settings().idleTimeout / 1000));
    return ['upload-pack', '--strict', `--timeout=${timeout}`, ...mode, directory];
  }

  /**
   * Time limits. git counts the silence of a fetch itself in protocols 0 and 1, and not in 2; everywhere else it sends
   * something while it works, so that a run in which no byte moves has a silent client.
   */
  private watch(request: RunRequest, child: GitChild, stop: Running['stop']): () => void {
    const { timeout, idleTimeout, service, protocol } = request;
    const fetching = service === 'git-upload-pack';
    const countedByGit = fetching && protocol?.includes('version=2') !== true;
    let toldEnd = false;
    const whole = setTimeout(() => stop(`not done within ${timeout} ms`, 'SIGTERM'), timeout);
    let moved = 0;
    let since = performance.now();
    const look = () => {
      const now = child.moved();
      if (now !== moved) {
        moved = now;
        since = performance.now();
      } else if (performance.now() - since < idleTimeout) {
        return;
      } else if (fetching && !toldEnd) {
        // A client may take long over a pack that it has got whole, and git waits for its next command: that is a good end.
        toldEnd = true;
        since = performance.now();
        child.stdin.end();
      } else {
        stop(`no byte within ${idleTimeout} ms`, 'SIGTERM');
      }
    };
    const every = Math.max(20, Math.min(1000, idleTimeout / 8));
    const idle = countedByGit ? undefined : setInterval(look, every);
    return () => {
      clearTimeout(whole);
      clearInterval(idle);
    };
  }

  private tell(
    { service, repository, identity }: RunRequest,
    end: ChildEnd,
    stopped: string | undefined,
  ): void {
    const level = end.code === null && stopped !== undefined ? 'debug' : 'info';
    this.log[level]('git ended with a failure', {
      service,
      repository: repository.name,
      peer: identity.id,
      code: end.code,
      signal: end.signal,
      ...(stopped === undefined ? {} : { stopped }),
      stderr: end.stderr,
    });
  }

  /** Nothing runs on a repository during `work`. A push whose refs are moving comes to its end before. */
  closed<Result>(directory: string, work: () => Promise<Result>): Promise<Result> {
    return this.closing.during(directory, async () => {
      const mine = [...this.running].filter((each) => each.directory === directory);
      for (const each of mine) if (each.push?.accepted !== true) each.stop('the repository goes', 'SIGTERM');
      await Promise.all(mine.map(({ ended }) => ended));
      return await work();
    });
  }

  /** The same, when nothing runs on it now; else not at all. */
  async closedIfIdle(directory: string, work: () => Promise<void>): Promise<void> {
    if ([...this.running].some((each) => each.directory === directory)) return;
    await this.closing.during(directory, work);
  }

  /** Ends all, at once. */
  async stop(): Promise<void> {
    const all = [...this.running];
    for (const each of all) each.stop('the plugin stops', 'SIGKILL');
    await Promise.all(all.map(({ ended }) => ended));
  }
}

/** Reads on to nowhere. */
function drain(stdout: Readable): void {
  stdout.unpipe();
  stdout.removeAllListeners('data');
  stdout.resume();
}

/**
 * Repositories that go away right now: nothing begins on one between the look at who is there and its last moment.
 * `docs/spec/git.md` 9.
 *
 * @module
 */

import { existsSync } from 'node:fs';
import type { Repository } from '../repositories/repositories.ts';
import { notFound, ServiceRefusal } from './refusal.ts';

/** Between its admission and its beginning, a run's repository went away, or is about to. */
export class RepositoryGone extends ServiceRefusal {
  /** Settles when it has gone, or stays after all. Never rejects. */
  readonly over: Promise<void>;

  constructor(name: string, over: Promise<void>) {
    super('not found', notFound(name).message);
    this.over = over;
  }
}

export class Closing {
  private readonly directories = new Map<string, Promise<void>>();

  /** One `work` at a time for a repository. @throws what it throws */
  async during<Result>(directory: string, work: () => Promise<Result>): Promise<Result> {
    const done = (this.directories.get(directory) ?? Promise.resolve()).then(work);
    const over = done.then(
      () => {},
      () => {},
    );
    this.directories.set(directory, over);
    try {
      return await done;
    } finally {
      if (this.directories.get(directory) === over) this.directories.delete(directory);
    }
  }

  /** To be called in the turn in which the run begins. @throws RepositoryGone */
  check({ name, directory }: Repository): void {
    const over = this.directories.get(directory);
    if (over !== undefined || !existsSync(directory))
      throw new RepositoryGone(name, over ?? Promise.resolve());
  }
}

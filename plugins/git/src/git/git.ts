/**
 * The git of the node with the environment of `docs/spec/git.md` 5, for runs on a repository and beside one.
 *
 * @module
 */

import { type EnvironmentParts, environmentOf } from './environment.ts';
import { gitOutput, type Ran, type RunOptions, runGit } from './run.ts';

export interface GitPlaces {
  /** Path of git. */
  readonly program: string;
  /** An empty directory. */
  readonly home: string;
  /** The directory of programs that only fail. */
  readonly barred: string;
  /** The directory of the two hooks. */
  readonly hooks: string;
}

type Options = Omit<RunOptions, 'env'>;

export class Git {
  readonly places: GitPlaces;
  private readonly allowAnyWant: () => boolean;

  constructor(places: GitPlaces, allowAnyWant: () => boolean) {
    this.places = places;
    this.allowAnyWant = allowAnyWant;
  }

  environment(
    repository: string,
    more: Pick<EnvironmentParts, 'protocol' | 'push'> = {},
  ): Record<string, string> {
    return environmentOf({
      program: this.places.program,
      home: this.places.home,
      barred: this.places.barred,
      // Hooks run for a push alone.
      hooks: more.push === undefined ? this.places.home : this.places.hooks,
      repository,
      allowAnyWant: this.allowAnyWant(),
      ...more,
    });
  }

  /** Beside any repository. @throws GitFailed */
  run(args: readonly string[], options: Options = {}): Promise<Ran> {
    return runGit(this.places.program, args, { ...options, env: this.environment('') });
  }

  /** @throws GitFailed, also for an exit code other than 0 */
  output(args: readonly string[], options: Options = {}): Promise<string> {
    return gitOutput(this.places.program, args, { ...options, env: this.environment('') });
  }

  /** On a repository. @throws GitFailed */
  runIn(directory: string, args: readonly string[], options: Options = {}): Promise<Ran> {
    return runGit(this.places.program, ['--git-dir', directory, ...args], {
      ...options,
      env: this.environment(directory),
    });
  }

  outputIn(directory: string, args: readonly string[], options: Options = {}): Promise<string> {
    return gitOutput(this.places.program, ['--git-dir', directory, ...args], {
      ...options,
      env: this.environment(directory),
    });
  }
}

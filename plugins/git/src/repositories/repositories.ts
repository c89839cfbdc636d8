/**
 * The repositories of the node: finding, making, renaming and taking them away. `docs/spec/git.md` 3, 5, 9.
 *
 * @module
 */

import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CallError, type Log } from '@alknet/sdk';
import type { Settings } from '../config.ts';
import { isName } from '../core/names.ts';
import { parseConfigList, refusedKey } from '../core/repository-config.ts';
import { injectedKeys } from '../git/environment.ts';
import type { Git } from '../git/git.ts';
import { diskSize } from './disk-size.ts';
import type { Records, RepositoryRecord } from './records.ts';
import { foreignPart, type RepositoryTree } from './tree.ts';

export type ObjectFormat = 'sha1' | 'sha256';

export interface Repository {
  readonly name: string;
  /** Canonical path. */
  readonly directory: string;
  readonly objectFormat: ObjectFormat;
}

export interface NewRepository {
  readonly name: string;
  readonly description?: string;
  readonly objectFormat?: ObjectFormat;
  readonly defaultBranch?: string;
  readonly createdBy: string;
}

interface CheckedConfig {
  /** Of the file that was read. */
  readonly stamp: string;
  readonly refused: string | undefined;
  readonly objectFormat: ObjectFormat;
}

const mostCached = 4096;

export class Repositories {
  readonly tree: RepositoryTree;
  readonly records: Records;
  private readonly git: Git;
  private readonly settings: () => Settings;
  private readonly log: Log;
  private readonly configs = new Map<string, CheckedConfig>();
  /** Creation looks at what is there first, so one at a time. */
  private changing: Promise<unknown> = Promise.resolve();

  constructor(tree: RepositoryTree, records: Records, git: Git, settings: () => Settings, log: Log) {
    this.tree = tree;
    this.records = records;
    this.git = git;
    this.settings = settings;
    this.log = log;
  }

  /** `undefined` for what is not there, and for what is not served; the log tells which. */
  async find(name: string): Promise<Repository | undefined> {
    const directory = await this.tree.find(name);
    if (directory === undefined) return undefined;
    const fault = (await foreignPart(directory)) ?? (await this.configFault(directory));
    if (fault !== undefined) {
      this.log.warn('repository not served', { repository: name, fault });
      return undefined;
    }
    const objectFormat = this.configs.get(directory)?.objectFormat ?? 'sha1';
    return { name, directory, objectFormat };
  }

  private async configFault(directory: string): Promise<string | undefined> {
    const path = join(directory, 'config');
    const seen = await stat(path).catch(() => undefined);
    if (seen === undefined) return 'config: it has gone meanwhile';
    const { mtimeMs, ctimeMs, size, ino } = seen;
    const stamp = `${mtimeMs} ${ctimeMs} ${size} ${ino}`;
    let checked = this.configs.get(directory);
    if (checked?.stamp !== stamp) {
      checked = { stamp, ...(await this.readConfig(path)) };
      if (this.configs.size >= mostCached) this.configs.clear();
      this.configs.set(directory, checked);
    }
    return checked.refused;
  }

  private async readConfig(path: string): Promise<Omit<CheckedConfig, 'stamp'>> {
    const args = ['config', '--file', path, '--list', '--null', '--no-includes'];
    const { code, stdout, stderr } = await this.git.run(args, { mostOutput: 1024 * 1024 });
    if (code !== 0) return { refused: `config: ${stderr.trim()}`, objectFormat: 'sha1' };
    const entries = parseConfigList(stdout);
    const key = refusedKey(entries.keys(), injectedKeys);
    return {
      refused: key === undefined ? undefined : `config: the key ${key} is not taken; remove it`,
      objectFormat: entries.get('extensions.objectformat') === 'sha256' ? 'sha256' : 'sha1',
    };
  }

  /** @throws CallError `NAME_INVALID`, `REPO_EXISTS`, `QUOTA` */
  create(wanted: NewRepository): Promise<Repository> {
    return this.oneAtATime(() => this.make(wanted));
  }

  private async make(wanted: NewRepository): Promise<Repository> {
    const { name, createdBy, objectFormat = 'sha1' } = wanted;
    const { defaultBranch, maxRepositories, maxCreated } = this.settings();
    await this.checkNew(name);
    if ((await this.tree.names()).length >= maxRepositories)
      throw new CallError('QUOTA', `the node holds ${maxRepositories} repositories and takes no more`);
    if ((await this.records.createdBy(createdBy)) >= maxCreated)
      throw new CallError('QUOTA', `${createdBy} has made ${maxCreated} repositories and may make no more`);
    const making = join(this.tree.root, `.making-${randomBytes(8).toString('hex')}`);
    const branch = wanted.defaultBranch ?? defaultBranch;
    try {
      await mkdir(making, { mode: 0o700 });
      await this.git.output([
        'init',
        '--bare',
        '--quiet',
        '--template=',
        `--object-format=${objectFormat}`,
        `--initial-branch=${branch}`,
        making,
      ]);
      await this.tree.makeGroupOf(name);
      // Whole, or not at all.
      await rename(making, this.tree.pathOf(name));
    } finally {
      await rm(making, { recursive: true, force: true });
    }
    await this.records.put({
      name,
      description: wanted.description ?? '',
      createdAt: new Date().toISOString(),
      createdBy,
      pushedAt: null,
      size: 0,
      pushes: 0,
      maintainedAt: null,
      push: {},
    });
    const made = await this.find(name);
    if (made === undefined) throw new Error(`the new repository ${name} is not served`);
    return made;
  }

  private async checkNew(name: string): Promise<void> {
    if (!isName(name))
      throw new CallError(
        'NAME_INVALID',
        `${JSON.stringify(name.slice(0, 300))} is no name: expected 1 to 8 segments of letters, digits, ".", "_" and "-"`,
      );
    const obstacle = await this.tree.obstacle(name);
    if (obstacle !== undefined)
      throw new CallError('REPO_EXISTS', `${name} cannot be made: there is ${obstacle}`);
  }

  /** @throws CallError `NAME_INVALID`, `REPO_EXISTS`, `REPO_NOT_FOUND` */
  rename(repository: Repository, to: string): Promise<void> {
    return this.oneAtATime(async () => {
      await this.checkThere(repository);
      await this.checkNew(to);
      const record = await this.record(repository);
      await this.tree.makeGroupOf(to);
      await rename(repository.directory, this.tree.pathOf(to));
      await this.records.put({ ...record, name: to });
      await this.records.remove(repository.name);
      await this.tree.dropGroupsOf(repository.name);
      this.configs.delete(repository.directory);
    });
  }

  /** Moves it to `path`, or removes it for good. @throws CallError `REPO_NOT_FOUND` */
  remove(repository: Repository, path?: string): Promise<void> {
    return this.oneAtATime(async () => {
      await this.checkThere(repository);
      // Whole, or not at all: nobody finds a half of it.
      const gone = path ?? join(this.tree.root, `.going-${randomBytes(8).toString('hex')}`);
      await rename(repository.directory, gone);
      if (path === undefined) await rm(gone, { recursive: true, force: true });
      await this.records.remove(repository.name);
      await this.tree.dropGroupsOf(repository.name);
      this.configs.delete(repository.directory);
    });
  }

  /** Somebody else may have been faster. */
  private async checkThere({ name }: Repository): Promise<void> {
    if ((await this.tree.find(name)) === undefined)
      throw new CallError('REPO_NOT_FOUND', `repository not found: ${name}`);
  }

  /** Also of one that was put there by hand. */
  async record(repository: Repository): Promise<RepositoryRecord> {
    return (await this.records.get(repository.name)) ?? (await firstRecord(repository));
  }

  change(
    repository: Repository,
    alter: (record: RepositoryRecord) => RepositoryRecord,
  ): Promise<RepositoryRecord> {
    return this.records.change(repository.name, () => firstRecord(repository), alter);
  }

  private oneAtATime<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.changing.then(work);
    this.changing = done.catch(() => {});
    return done;
  }
}

async function firstRecord({ name, directory }: Repository): Promise<RepositoryRecord> {
  const { birthtime } = await stat(directory);
  return {
    name,
    description: '',
    createdAt: birthtime.toISOString(),
    createdBy: null,
    pushedAt: null,
    size: await diskSize(join(directory, 'objects')),
    pushes: 0,
    maintainedAt: null,
    push: {},
  };
}

/** The ref that HEAD names, or the commit it stands on. */
export async function headOf({ directory }: Repository): Promise<string> {
  const text = await readFile(join(directory, 'HEAD'), 'utf8');
  return text.replace(/^ref: /, '').trim();
}

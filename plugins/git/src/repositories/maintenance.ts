/**
 * Packs repositories anew, one at a time, and removes what lay long enough in the trash. `docs/spec/git.md` 6 and 9.
 *
 * @module
 */

import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '@alknet/sdk';
import type { Settings } from '../config.ts';
import type { Git } from '../git/git.ts';
import type { Writers } from '../service/writers.ts';
import { diskSize } from './disk-size.ts';
import type { Repositories, Repository } from './repositories.ts';

/** Milliseconds. */
const day = 86_400_000;
const hour = 3_600_000;

const trashName = '.trash';

export class Maintenance {
  private readonly git: Git;
  private readonly repositories: Repositories;
  private readonly writers: Writers;
  private readonly settings: () => Settings;
  private readonly log: Log;
  private readonly signal: AbortSignal;
  private readonly queue = new Map<string, Repository>();
  private working: Promise<void> = Promise.resolve();
  private isWorking = false;
  private rounds: Promise<void> = Promise.resolve();
  private readonly timer: NodeJS.Timeout;

  constructor(
    parts: { git: Git; repositories: Repositories; writers: Writers; settings: () => Settings; log: Log },
    signal: AbortSignal,
  ) {
    this.git = parts.git;
    this.repositories = parts.repositories;
    this.writers = parts.writers;
    this.settings = parts.settings;
    this.log = parts.log;
    this.signal = signal;
    this.timer = setInterval(() => this.look(), hour);
    this.timer.unref();
  }

  /** When the plugin starts, every hour, and when something came into the trash. */
  look(): void {
    this.rounds = this.rounds.then(() => this.round());
  }

  /** After a push: its repository may be due. */
  consider(repository: Repository): void {
    void this.due(repository)
      .then((due) => {
        if (due) this.enqueue(repository);
      })
      .catch((error: unknown) => this.log.warn('maintenance not decided', { error }));
  }

  private async due(repository: Repository): Promise<boolean> {
    const { pushes, maintainedAt, createdAt } = await this.repositories.record(repository);
    const last = Date.parse(maintainedAt ?? createdAt);
    return pushes >= this.settings().maintenancePushes || (pushes > 0 && Date.now() - last >= day);
  }

  private enqueue(repository: Repository): void {
    this.queue.set(repository.name, repository);
    if (this.isWorking) return;
    this.isWorking = true;
    this.working = this.work().finally(() => {
      this.isWorking = false;
    });
  }

  private async work(): Promise<void> {
    for (const [name, repository] of this.queue) {
      this.queue.delete(name);
      if (this.signal.aborted) return;
      try {
        // A push on it now is followed by the next look.
        await this.writers.maintain(repository.directory, this.signal, (signal) =>
          this.pack(repository, signal),
        );
      } catch (error) {
        if (!this.signal.aborted) this.log.info('maintenance not done', { repository: name, error });
      }
    }
  }

  private async pack(repository: Repository, signal: AbortSignal): Promise<void> {
    await this.git.outputIn(repository.directory, ['gc', '--quiet'], { signal, timeout: hour });
    const size = await diskSize(join(repository.directory, 'objects'));
    await this.repositories.change(repository, (record) => ({
      ...record,
      size,
      pushes: 0,
      maintainedAt: new Date().toISOString(),
    }));
    this.log.info('repository packed', { repository: repository.name, size });
  }

  /** What a day with few pushes has left, and the trash. Never rejects. */
  private async round(): Promise<void> {
    try {
      await this.emptyTrash();
      await this.dropRemains();
      for (const name of await this.repositories.tree.names()) {
        if (this.signal.aborted) return;
        const record = await this.repositories.records.get(name);
        if (record === undefined || record.pushes === 0) continue;
        const repository = await this.repositories.find(name);
        if (repository !== undefined) this.consider(repository);
      }
    } catch (error) {
      this.log.warn('maintenance not done', { error });
    }
  }

  /** Moves a repository to the trash. */
  async trash(repository: Repository): Promise<void> {
    const trash = join(this.repositories.tree.root, trashName);
    await mkdir(trash, { recursive: true, mode: 0o700 });
    await this.repositories.remove(repository, join(trash, trashEntry(Date.now(), repository.name)));
    this.look();
  }

  /** Removes what is there longer than `git.trashTtl`. */
  private async emptyTrash(): Promise<void> {
    const trash = join(this.repositories.tree.root, trashName);
    const { trashTtl } = this.settings();
    for (const entry of await readdir(trash).catch(() => [])) {
      const since = trashedAt(entry);
      if (since === undefined || Date.now() - since < trashTtl) continue;
      await rm(join(trash, entry), { recursive: true, force: true });
    }
  }

  /** Of repositories that were being made or removed when a node was killed. */
  private async dropRemains(): Promise<void> {
    const { root } = this.repositories.tree;
    for (const entry of await readdir(root)) {
      if (!/^\.(?:making|going)-[0-9a-f]{16}$/.test(entry)) continue;
      const path = join(root, entry);
      const made = await stat(path).catch(() => undefined);
      // What an instance of now is at is younger.
      if (made !== undefined && Date.now() - made.mtimeMs > hour)
        await rm(path, { recursive: true, force: true });
    }
  }

  /** Settles when no git of it runs. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    await Promise.all([this.working, this.rounds]);
  }
}

/** `20261121T134303123Z-team+app`: a name has no plus sign. File names have at most 255 bytes. */
function trashEntry(time: number, name: string): string {
  return `${new Date(time).toISOString().replace(/[-:.]/g, '')}-${name.replaceAll('/', '+')}`.slice(0, 255);
}

function trashedAt(entry: string): number | undefined {
  const [, year, month, date, hours, minutes, seconds, ms] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z-/.exec(entry) ?? [];
  const time = Date.parse(`${year}-${month}-${date}T${hours}:${minutes}:${seconds}.${ms}Z`);
  return Number.isNaN(time) ? undefined : time;
}

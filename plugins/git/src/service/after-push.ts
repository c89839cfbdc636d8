/**
 * What follows when refs have moved: HEAD, the record, the event. `docs/spec/git.md` 6 and 9.
 *
 * @module
 */

import { join } from 'node:path';
import type { Identity } from '@alknet/sdk';
import type { ExaminedUpdate } from '../core/push-policy.ts';
import type { EventLog, Via } from '../events/event-log.ts';
import type { Git } from '../git/git.ts';
import { diskSize } from '../repositories/disk-size.ts';
import { headOf, type Repositories, type Repository } from '../repositories/repositories.ts';

/** What is stored of an event has at most 1 MiB; an update has up to some 450 bytes. */
const updatesInEvent = 1000;

export interface AfterPushParts {
  readonly git: Git;
  readonly repositories: Repositories;
  readonly events: EventLog;
}

export interface PushDone {
  readonly repository: Repository;
  readonly identity: Identity;
  readonly via: Via;
  readonly updates: readonly ExaminedUpdate[];
  /** The repository was made for this push. */
  readonly created: boolean;
}

export async function afterPush(parts: AfterPushParts, done: PushDone): Promise<void> {
  const { git, repositories, events } = parts;
  const { repository, identity, via, updates, created } = done;
  await followFirstBranch(git, repository, updates);
  const size = await diskSize(join(repository.directory, 'objects'));
  await repositories.change(repository, (record) => ({
    ...record,
    size,
    pushedAt: new Date().toISOString(),
    pushes: record.pushes + 1,
  }));
  const about = { repo: repository.name, by: identity.id, via };
  if (created) await events.append({ ...about, type: 'create' });
  const changes = updates.map(({ ref, old, new: id, kind, forced }) => ({ ref, old, new: id, kind, forced }));
  for (let at = 0; at < changes.length; at += updatesInEvent)
    await events.append({ ...about, type: 'push', updates: changes.slice(at, at + updatesInEvent) });
}

/** HEAD goes to the one branch that a push made, when the branch that it names is not there. */
async function followFirstBranch(
  git: Git,
  repository: Repository,
  updates: readonly ExaminedUpdate[],
): Promise<void> {
  const [only, ...others] = updates.filter(
    ({ ref, kind }) => kind === 'create' && ref.startsWith('refs/heads/'),
  );
  if (only === undefined || others.length > 0) return;
  const head = await headOf(repository);
  if (head === only.ref) return;
  const { directory } = repository;
  const { code } = await git.runIn(directory, ['rev-parse', '--verify', '--quiet', '--end-of-options', head]);
  if (code !== 0) await git.outputIn(directory, ['symbolic-ref', 'HEAD', only.ref]);
}

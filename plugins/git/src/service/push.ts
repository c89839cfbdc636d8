/**
 * What a push needs beside its process: the policy for its hooks, a place among the writers, and the reports of the hooks.
 * `docs/spec/git.md` 5 and 6.
 *
 * @module
 */

import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Identity } from '@alknet/sdk';
import type { PushSettings } from '../config.ts';
import type { ExaminedUpdate } from '../core/push-policy.ts';
import { may } from '../core/rights.ts';
import type { EnvironmentParts } from '../git/environment.ts';
import type { HookMessage, PolicyFile } from '../hooks/policy.ts';
import type { Repository } from '../repositories/repositories.ts';
import type { NotifySocket } from './notify-socket.ts';
import type { Writers } from './writers.ts';

export interface PushParts {
  /** Path of git. */
  readonly program: string;
  /** Where policy files lie while their push runs. */
  readonly policies: string;
  readonly notify: NotifySocket;
  readonly writers: Writers;
}

export interface PushRequest {
  readonly repository: Repository;
  readonly identity: Identity;
  readonly push: PushSettings;
  /** The refs have moved. */
  moved(updates: readonly ExaminedUpdate[]): Promise<void>;
}

export class Push {
  /** For the environment of receive-pack. */
  readonly environment: NonNullable<EnvironmentParts['push']>;
  readonly maxRefs: number;
  private isAccepted = false;
  private readonly end: (broken: boolean) => Promise<void>;

  private constructor(
    environment: NonNullable<EnvironmentParts['push']>,
    maxRefs: number,
    end: (broken: boolean) => Promise<void>,
  ) {
    this.environment = environment;
    this.maxRefs = maxRefs;
    this.end = end;
  }

  static async begin(parts: PushParts, request: PushRequest): Promise<Push> {
    const { repository, identity, push: settings } = request;
    const run = randomBytes(16).toString('hex');
    const admin = may(identity, 'admin', repository.name);
    const policy: PolicyFile = {
      run,
      program: parts.program,
      repository: repository.directory,
      rules: {
        allowForce: settings.allowForce,
        allowDelete: settings.allowDelete,
        allowTagUpdate: settings.allowTagUpdate,
        protect: settings.protect,
        maxRefs: settings.maxRefs,
        maxRepoSize: settings.maxRepoSize,
      },
      pusher: { id: identity.id, scopes: identity.scopes, admin },
    };
    const path = join(parts.policies, `${run}.json`);
    await writeFile(path, JSON.stringify(policy), { mode: 0o600, flag: 'wx' });
    const leave = await parts.writers.beginPush(repository.directory);
    const environment = {
      // The hook decides; git's own switches are all or nothing.
      denyNonFastForwards: !admin && settings.allowForce.length === 0,
      denyDeletes: !admin && settings.allowDelete.length === 0,
      maxInputSize: settings.maxPackSize,
      policy: path,
      notify: parts.notify.path,
    };
    const push = new Push(environment, settings.maxRefs, async (broken) => {
      forget();
      await rm(path, { force: true });
      await leave(broken);
    });
    const forget = parts.notify.expect(run, (message) => push.receive(message, request));
    return push;
  }

  /** Refs are moving, or have moved: ending git now could leave half of a push. */
  get accepted(): boolean {
    return this.isAccepted;
  }

  private async receive(message: HookMessage, { moved }: PushRequest): Promise<void> {
    if (message.event === 'accepted') this.isAccepted = true;
    else await moved(message.updates);
  }

  /** `broken`: git was killed and may have left something. */
  async over(broken: boolean): Promise<void> {
    await this.end(broken);
  }
}

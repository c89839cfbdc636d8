/**
 * Whether a service run may begin, and on which repository. `docs/spec/git.md` 2, 4, 6.
 *
 * @module
 */

import { CallError, type Identity } from '@alknet/sdk';
import type { PushSettings, Settings } from '../config.ts';
import { nameOfPath } from '../core/names.ts';
import type { Service } from '../core/request-line.ts';
import { may } from '../core/rights.ts';
import type { Repositories, Repository } from '../repositories/repositories.ts';
import { notFound, notPermitted, pushDisabled, unknownService } from './refusal.ts';

export interface Admitted {
  readonly repository: Repository;
  /** In force for a push to it. */
  readonly push: PushSettings;
  /** Made for this very push. */
  readonly created: boolean;
}

export class Admission {
  private readonly repositories: Repositories;
  private readonly settings: () => Settings;

  constructor(repositories: Repositories, settings: () => Settings) {
    this.repositories = repositories;
    this.settings = settings;
  }

  /** @throws ServiceRefusal */
  async admit(service: Service, path: string, identity: Identity | null): Promise<Admitted> {
    const name = nameOfPath(path);
    // What nobody may read is not even looked for.
    if (name === undefined || identity === null || !(may(identity, 'read', name) || mayMake(identity, name)))
      throw notFound(path);
    if (service === 'git-upload-archive' && !this.settings().archive) throw unknownService();
    const repository = await this.repositories.find(name);
    if (service !== 'git-receive-pack') {
      if (repository === undefined || !may(identity, 'read', name)) throw notFound(path);
      return { repository, push: this.settings().push, created: false };
    }
    if (repository === undefined) return this.firstPush(name, path, identity);
    if (!may(identity, 'write', name)) throw notPermitted(name);
    const push = await this.pushSettings(repository);
    if (!push.enabled) throw pushDisabled();
    return { repository, push, created: false };
  }

  private async firstPush(name: string, path: string, identity: Identity): Promise<Admitted> {
    const { createOnPush, push } = this.settings();
    if (!createOnPush || !mayMake(identity, name)) throw notFound(path);
    if (!push.enabled) throw pushDisabled();
    try {
      const repository = await this.repositories.create({ name, createdBy: identity.id });
      return { repository, push, created: true };
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      // Another first push was faster.
      const made = await this.repositories.find(name);
      if (made === undefined) throw notPermitted(name, error.message);
      return { repository: made, push, created: false };
    }
  }

  /** Those of the node, with what the repository says otherwise. */
  async pushSettings(repository: Repository): Promise<PushSettings> {
    const { push: own } = await this.repositories.record(repository);
    return { ...this.settings().push, ...own };
  }
}

function mayMake(identity: Identity, name: string): boolean {
  return may(identity, 'create', name) && may(identity, 'write', name);
}

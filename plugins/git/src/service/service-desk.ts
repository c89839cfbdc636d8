/**
 * A service run from its request to its end, whatever it came over: admission, a place, the push around it, the process.
 * `docs/spec/git.md` 2 to 6.
 *
 * @module
 */

import type { Identity, Log } from '@alknet/sdk';
import type { Settings } from '../config.ts';
import type { Service } from '../core/request-line.ts';
import type { Via } from '../events/event-log.ts';
import type { Maintenance } from '../repositories/maintenance.ts';
import type { Admission, Admitted } from './admission.ts';
import { type AfterPushParts, afterPush } from './after-push.ts';
import { RepositoryGone } from './closing.ts';
import { Push, type PushParts } from './push.ts';
import { notFound } from './refusal.ts';
import type { Run, RunRequest, Runs } from './runs.ts';

export interface Asked {
  readonly service: Service;
  readonly path: string;
  readonly protocol: string | undefined;
  readonly identity: Identity | null;
  readonly via: Via;
  readonly stateless?: 'advertise' | 'exchange';
  /** The client is gone, or the node lets go of it. */
  readonly signal: AbortSignal;
}

export interface ServiceDeskParts extends AfterPushParts, PushParts {
  readonly admission: Admission;
  readonly runs: Runs;
  readonly maintenance: Maintenance;
  readonly settings: () => Settings;
  readonly log: Log;
}

/** Of one run whose repository goes away each time before it begins. */
const mostAdmissions = 3;

export class ServiceDesk {
  private readonly parts: ServiceDeskParts;

  constructor(parts: ServiceDeskParts) {
    this.parts = parts;
  }

  /** @throws ServiceRefusal */
  async open(asked: Asked): Promise<Run> {
    const { path, identity } = asked;
    if (identity === null) throw notFound(path);
    for (let left = mostAdmissions; ; left--) {
      try {
        return await this.admit(asked, identity);
      } catch (error) {
        // A repository of that name may be there again, or may be made.
        if (!(error instanceof RepositoryGone) || left === 0) throw error;
        await error.over;
      }
    }
  }

  private async admit(asked: Asked, identity: Identity): Promise<Run> {
    const { service, path, signal } = asked;
    const admitted = await this.parts.admission.admit(service, path, identity);
    let run: Run;
    try {
      const release = await this.parts.runs.place(identity, signal);
      try {
        run = await this.begin(asked, identity, admitted, release);
      } catch (error) {
        release();
        throw error;
      }
    } catch (error) {
      await this.discard(admitted);
      throw error;
    }
    return admitted.created ? { ...run, ended: run.ended.finally(() => this.discard(admitted)) } : run;
  }

  private async begin(
    asked: Asked,
    identity: Identity,
    admitted: Admitted,
    release: () => void,
  ): Promise<Run> {
    const { service, protocol, via, stateless, signal } = asked;
    const { repository, push: pushSettings, created } = admitted;
    const { settings, maintenance, runs } = this.parts;
    const pushing = service === 'git-receive-pack';
    let moved = false;
    const push = pushing
      ? await Push.begin(this.parts, {
          repository,
          identity,
          push: pushSettings,
          moved: async (updates) => {
            await afterPush(this.parts, { repository, identity, via, updates, created });
            moved = true;
          },
        })
      : undefined;
    const request: RunRequest = {
      service,
      repository,
      identity,
      protocol,
      signal,
      timeout: pushing ? pushSettings.timeout : settings().fetchTimeout,
      idleTimeout: pushing ? pushSettings.idleTimeout : settings().idleTimeout,
      ...(stateless === undefined ? {} : { stateless }),
      ...(push === undefined ? {} : { push }),
    };
    let run: Run;
    try {
      run = runs.begin(request, release);
    } catch (error) {
      await push?.over(false);
      throw error;
    }
    // Not while the push is still a writer.
    void run.ended.then(() => {
      if (moved) maintenance.consider(repository);
    });
    return run;
  }

  /** A repository that was made for a push which brought nothing. */
  private async discard({ repository, created }: Admitted): Promise<void> {
    const { git, repositories, runs, log } = this.parts;
    if (!created) return;
    const { directory } = repository;
    try {
      await runs.closedIfIdle(directory, async () => {
        const refs = await git.outputIn(directory, ['for-each-ref', '--count=1']);
        if (refs === '') await repositories.remove(repository);
      });
    } catch (error) {
      log.warn('an empty repository stays', { repository: repository.name, error });
    }
  }
}

/**
 * The place of one plugin: brings what runs to what the configuration wants, one step at a time, and to the last word
 * when it changes meanwhile. `docs/spec/config.md` 5 and 6.3.
 *
 * @module
 */

import { isDeepStrictEqual } from 'node:util';
import type { PluginEntry } from '../config/effective.ts';
import type { ContributionTable } from './contributions.ts';
import { PluginInstance } from './instance.ts';
import { LostThread } from './lost-thread.ts';
import { isolationOf, PluginCode } from './plugin-code.ts';
import { PluginError, placeIn, reasonOf, stackOf } from './plugin-error.ts';
import { PluginReport } from './plugin-report.ts';
import { restartDelay } from './restarts.ts';
import type { PluginServices } from './services.ts';
import type { Save } from './sources.ts';
import { atMost } from './time-limit.ts';
import { defaultHeartbeat } from './worker/index.ts';

export type PluginState = 'running' | 'starting' | 'stopping' | 'disabled' | 'failed';

/**
 * Reloads of code in the thread of the node after which a restart is advised: a module that was loaded once stays in
 * memory as long as the process. `docs/spec/config.md` 6.3.
 */
export const manyReloads = 50;

/** A start that was given up for a newer source. */
class Superseded extends Error {}

export class PluginSlot {
  readonly name: string;
  private readonly services: PluginServices;
  private readonly contributions: ContributionTable;
  private wanted: PluginEntry | undefined;
  private reloadWanted = false;
  private work: Promise<void> = Promise.resolve();
  private current: PluginInstance | undefined;
  private phase: PluginState = 'disabled';
  private problem: PluginError | undefined;
  private stopped = false;
  /** The entry that failed: the same again is not tried again by itself. */
  private failedWith: PluginEntry | undefined;
  /** Instances that were replaced or disabled and are not over yet. */
  private readonly leaving = new Set<PluginInstance>();
  private starting: PluginInstance | undefined;
  private readonly report: PluginReport;
  private readonly lost: LostThread;
  private readonly code: PluginCode;
  /** The save that the next reload follows. */
  private save: Save | undefined;
  private loads = 0;

  constructor(name: string, services: PluginServices, contributions: ContributionTable) {
    this.name = name;
    this.services = services;
    this.contributions = contributions;
    const isolation = services.isolation ?? { heartbeat: defaultHeartbeat, restartDelay };
    this.report = new PluginReport(name, services);
    this.lost = new LostThread(
      (ends) => isolation.restartDelay(ends),
      () => void this.catchUp(),
    );
    this.code = new PluginCode(name, services, isolation.heartbeat, (save) => this.saved(save));
  }

  get state(): PluginState {
    return this.phase;
  }
  get instance(): PluginInstance | undefined {
    return this.current;
  }
  /** Why it does not run, or why it still runs as it was. */
  get error(): PluginError | undefined {
    return this.problem;
  }
  get entry(): PluginEntry | undefined {
    return this.wanted;
  }

  /** How often code of it was loaded into the thread of the node beyond the first time. */
  get reloads(): number {
    return Math.max(0, this.loads - 1);
  }

  /** Settles when what runs is what is wanted, or has failed. Never rejects. */
  want(entry: PluginEntry | undefined, reload = false): Promise<void> {
    this.wanted = entry;
    this.reloadWanted ||= reload;
    this.lost.forget();
    return this.catchUp();
  }

  private catchUp(): Promise<void> {
    const entry = this.wanted;
    const work = this.work.then(() => this.reconcile()).catch((error: unknown) => this.failed(error, entry));
    this.work = work;
    return work;
  }

  /** Settles when nothing is under way. */
  async idle(): Promise<void> {
    for (let work: unknown; work !== this.work; ) {
      work = this.work;
      await work;
    }
  }

  /** Ends what runs, what is about to run, and what was on its way out; whether all ended in time. */
  async end(): Promise<boolean> {
    this.stopped = true;
    this.lost.found();
    const instances = [this.current, this.starting, ...this.leaving].filter(
      (instance) => instance !== undefined,
    );
    if (this.current !== undefined) this.phase = 'stopping';
    this.current = undefined;
    const reason = new Error('the node is stopping');
    const ended = await Promise.all(instances.map((instance) => instance.stop(reason)));
    if (this.phase === 'stopping') this.phase = 'disabled';
    await this.code.close();
    return !ended.includes(false);
  }

  /** The last word counts: a start that is under way would come to be what the author has left behind. */
  private saved(save: Save): void {
    this.save = save;
    this.starting?.stop(new Superseded('superseded by a newer source'));
    void this.want(this.wanted, true);
  }

  private async reconcile(): Promise<void> {
    const { wanted: entry, current, reloadWanted } = this;
    this.reloadWanted = false;
    if (this.stopped) return;
    if (entry === undefined || !entry.enabled) return this.disable();
    if (current === undefined) {
      if (reloadWanted || !isDeepStrictEqual(this.failedWith, entry)) await this.replace(entry);
      return;
    }
    if (reloadWanted || current === this.lost.instance || needsReload(current.settings, entry))
      return this.replace(entry);
    await this.adjust(current, entry);
  }

  /** What takes effect without another instance. */
  private async adjust(current: PluginInstance, entry: PluginEntry): Promise<void> {
    const changed = !isDeepStrictEqual(current.settings.config, entry.config);
    // A secret that the new config names is another capability: that takes another instance.
    if (changed && (!current.configurable || namesOtherSecrets(current, entry))) return this.replace(entry);
    if (changed) {
      try {
        await current.configure(entry);
        this.problem = undefined;
        this.failedWith = undefined;
        this.report.configured(current);
      } catch (error) {
        if (isDeepStrictEqual(this.failedWith, entry)) return;
        this.failedWith = entry;
        this.problem = asPluginError(error);
        this.report.keptConfig(this.problem);
        if (current.take({ ...entry, config: current.settings.config }))
          this.services.surface.privilegeChanged(current);
        return;
      }
    }
    if (!current.take(entry)) return;
    this.report.grants(current);
    this.services.surface.privilegeChanged(current);
  }

  /** Starts a new instance; the old one, if any, goes on until the new one is published. */
  private async replace(entry: PluginEntry): Promise<void> {
    const { current: previous, save } = this;
    this.save = undefined;
    if (previous === undefined) this.phase = 'starting';
    let next: PluginInstance | undefined;
    try {
      const loaded = await this.code.load(entry);
      next = new PluginInstance(entry, loaded, this.services);
      this.report.loaded(next, previous);
      this.starting = next;
      await next.start(this.contributions);
      if (this.stopped) throw new PluginError('the node is stopping');
      next.signal.throwIfAborted();
      this.contributions.check(previous, next);
      const over = this.services.surface.publish(next, previous);
      this.contributions.exchange(previous, next);
      if (previous !== undefined) this.release(previous, over);
    } catch (error) {
      await next?.stop(error);
      if (error instanceof Superseded) return;
      return this.failed(error, entry, save);
    } finally {
      this.starting = undefined;
      this.code.makeReady(entry);
    }
    this.current = next;
    this.phase = 'running';
    this.problem = undefined;
    this.failedWith = undefined;
    this.lost.found();
    const running = next;
    void next.loaded.thread?.ended.then((reason) => this.threadEnded(running, reason));
    this.countLoad(next);
    this.report.grants(next);
    this.report.running(next, previous === undefined ? 'started' : 'reloaded', save);
  }

  private countLoad({ builtIn, settings }: PluginInstance): void {
    if (builtIn || isolationOf(settings) !== 'inline') return;
    this.loads++;
    if (this.reloads === manyReloads) this.report.reloadedOften(manyReloads);
  }

  private disable(): void {
    const { current } = this;
    this.problem = undefined;
    this.failedWith = undefined;
    this.phase = 'disabled';
    this.save = undefined;
    void this.code.rest();
    if (current === undefined) return;
    this.takeAway(current);
    this.report.disabled();
  }

  private takeAway(current: PluginInstance): void {
    this.current = undefined;
    this.lost.found();
    const over = this.services.surface.withdraw(current);
    this.contributions.exchange(current, undefined);
    this.release(current, over);
  }

  /** Its operations and ALPNs stay, and fail, until it runs again or is given up. `docs/spec/config.md` 6.4. */
  private threadEnded(instance: PluginInstance, error: unknown): void {
    if (this.current !== instance || this.stopped) return;
    this.problem = this.placed(instance, asPluginError(error));
    const wait = this.lost.ended(instance);
    this.report.threadEnded(this.problem, wait);
    if (wait === undefined) {
      this.takeAway(instance);
      this.failed(
        new PluginError(`${this.problem.message}; it has ended five times in 5 minutes`),
        this.wanted,
      );
      return;
    }
    this.phase = 'starting';
  }

  private placed({ loaded }: PluginInstance, error: PluginError): PluginError {
    const place = placeIn(loaded.trace(stackOf(error.cause)), loaded.files);
    if (place === undefined || error.place !== undefined) return error;
    return new PluginError(`${place.file}:${place.line}:${place.column}: ${error.message}`, {
      place,
      cause: error.cause,
    });
  }

  /** Lets an instance finish what it has, at most its grace, and ends it. */
  private release(instance: PluginInstance, over: Promise<void>): void {
    const drained = instance.drain();
    const grace = instance.limits.reloadGrace ?? this.services.reloadGrace;
    this.leaving.add(instance);
    void atMost(Promise.all([over, drained]), grace)
      .then(() => instance.stop(new Error('the plugin was reloaded or disabled')))
      .finally(() => this.leaving.delete(instance));
  }

  private failed(error: unknown, entry: PluginEntry | undefined, save?: Save): void {
    this.code.hasFailed();
    const { instance: lost } = this.lost;
    if (lost !== undefined && lost === this.current) return this.threadEnded(lost, error);
    this.problem = asPluginError(error);
    this.failedWith = entry;
    // The old instance is untouched.
    this.phase = this.current === undefined ? 'failed' : 'running';
    this.report.failed(this.problem, this.current === undefined ? 'failed' : 'kept', save);
  }
}

function needsReload(before: PluginEntry, after: PluginEntry): boolean {
  return (
    before.use !== after.use ||
    before.isolation !== after.isolation ||
    !isDeepStrictEqual(before.grant?.secrets ?? [], after.grant?.secrets ?? [])
  );
}

function namesOtherSecrets(instance: PluginInstance, entry: PluginEntry): boolean {
  return !isDeepStrictEqual(instance.granted.secrets, instance.rightsUnder(entry).secrets);
}

function asPluginError(error: unknown): PluginError {
  return error instanceof PluginError ? error : new PluginError(reasonOf(error), { cause: error });
}

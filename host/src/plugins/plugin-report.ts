/**
 * What becomes of one plugin, told to the log and to whoever shows it.
 *
 * @module
 */

import { announceLoad } from './announce.ts';
import { lineToAdd, missingGrants, unusedGrants } from './grants.ts';
import type { PluginInstance } from './instance.ts';
import type { PluginError } from './plugin-error.ts';
import type { PluginServices } from './services.ts';
import type { Save } from './sources.ts';

export class PluginReport {
  readonly #plugin: string;
  readonly #services: PluginServices;

  constructor(plugin: string, services: PluginServices) {
    this.#plugin = plugin;
    this.#services = services;
  }

  /** Before it runs. */
  loaded(next: PluginInstance, previous: PluginInstance | undefined): void {
    announceLoad(next, previous, this.#services.log);
  }

  running(instance: PluginInstance, kind: 'started' | 'reloaded', save: Save | undefined): void {
    const { version, alpns } = instance;
    this.#services.log.info(`plugin ${kind}`, { plugin: this.#plugin, version, alpns });
    this.#services.onEvent?.({ kind, plugin: this.#plugin, instance, save });
  }

  configured(instance: PluginInstance): void {
    this.#services.onEvent?.({ kind: 'configured', plugin: this.#plugin, instance });
  }

  keptConfig(error: PluginError): void {
    this.#error('plugin kept its configuration', error);
    this.#services.onEvent?.({ kind: 'kept', plugin: this.#plugin, error });
  }

  /** `kept`: what ran before goes on. */
  failed(error: PluginError, kind: 'failed' | 'kept', save: Save | undefined): void {
    this.#error(kind === 'failed' ? 'plugin failed' : 'plugin not reloaded, the old one goes on', error);
    this.#services.onEvent?.({ kind, plugin: this.#plugin, error, save });
  }

  /** `restart`: milliseconds until it is started again; absent: it is not. */
  threadEnded(error: PluginError, restart: number | undefined): void {
    this.#error('plugin thread ended', error, restart === undefined ? {} : { restart });
    // Given up, it fails, and that is told.
    if (restart !== undefined) this.#services.onEvent?.({ kind: 'failed', plugin: this.#plugin, error });
  }

  disabled(): void {
    this.#services.log.info('plugin disabled', { plugin: this.#plugin });
    this.#services.onEvent?.({ kind: 'disabled', plugin: this.#plugin });
  }

  reloadedOften(reloads: number): void {
    this.#services.log.warn('plugin was reloaded often', {
      plugin: this.#plugin,
      reloads,
      advice: 'restart the node: code that was replaced in its thread stays in memory',
    });
  }

  grants({ requests, granted, settings }: PluginInstance): void {
    const { log } = this.#services;
    for (const lacking of missingGrants(requests, granted))
      log.notice('plugin lacks a grant', { plugin: this.#plugin, add: lineToAdd(this.#plugin, lacking) });
    for (const { member, entry } of unusedGrants(requests, settings.grant))
      log.warn('plugin has a grant that it does not request', {
        plugin: this.#plugin,
        grant: member,
        entry,
      });
  }

  #error(event: string, { message }: PluginError, more: { readonly restart?: number } = {}): void {
    this.#services.log.error(event, { plugin: this.#plugin, error: message, ...more });
  }
}

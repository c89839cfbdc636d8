/**
 * The object that `start(host)` gets: all that a plugin may have, and nothing behind it. `docs/spec/config.md` 6.5.
 *
 * @module
 */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { IdentityLookup, PluginHost } from '@alknet/sdk';
import type { ContributionTable } from './contributions.ts';
import type { PluginInstance } from './instance.ts';
import type { PluginServices } from './services.ts';

export interface PluginHostParts {
  readonly instance: PluginInstance;
  readonly config: unknown;
  readonly services: PluginServices;
  readonly contributions: ContributionTable;
}

export function makePluginHost(parts: PluginHostParts): PluginHost {
  const { instance, config, services, contributions } = parts;
  const { name, builtIn, alpns, signal } = instance;
  const { surface } = services;
  const ownsSurface = (wanted: string) => builtIn || wanted === name || wanted.startsWith(`${name}-`);
  return Object.freeze<PluginHost>({
    config,
    log: instance.log,
    store: services.store(name, () => instance.settings.limits.storeSize),
    identity: until(signal, services.identity(instance)),
    get capabilities() {
      return instance.capabilities;
    },
    operations: surface.operations(instance),
    metrics: services.metrics.for(name),
    signal,
    get dataDir() {
      const directory = join(services.dataDir, 'plugins', name);
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      return directory;
    },
    get node() {
      return services.node;
    },
    get limits() {
      return services.limits;
    },
    dispatch: async (alpn, stream, auth) => surface.dispatch(instance, alpn, stream, auth),
    dial: async (target, options = {}) => {
      const alpn = options.alpn ?? (alpns.length === 1 ? alpns[0] : undefined);
      if (alpn === undefined || !alpns.includes(alpn)) {
        if (alpn !== undefined) instance.refusals.note('alpns', alpn);
        const own = alpns.length === 0 ? 'none' : alpns.join(', ');
        throw new RangeError(`plugin ${name} may dial its own ALPNs (${own}), got ${alpn ?? 'none'}`);
      }
      return surface.dial(instance, alpn, target, options);
    },
    contributions: (wanted) => {
      if (!ownsSurface(wanted)) {
        instance.refusals.note('surfaces', wanted);
        throw new RangeError(`the surface "${wanted}" is none of plugin ${name}`);
      }
      return contributions.view(wanted, signal);
    },
  });
}

/** Nobody is told of changes any more once the plugin has ended. */
function until(signal: AbortSignal, lookup: IdentityLookup): IdentityLookup {
  return {
    ...lookup,
    onChange: (listener) => {
      // One that is given twice is told twice.
      const unlisten = lookup.onChange(() => listener());
      signal.addEventListener('abort', unlisten, { once: true });
      return () => {
        signal.removeEventListener('abort', unlisten);
        unlisten();
      };
    },
  };
}

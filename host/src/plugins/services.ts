/**
 * What the assembly of the node gives to the plugins' side. The supervisor knows no endpoint, registry, vault or
 * store: it knows this.
 *
 * @module
 */

import type { Duplex } from 'node:stream';
import type {
  CallLimits,
  Capabilities,
  CloseInfo,
  Connection,
  DialRequest,
  DispatchAuth,
  HostOperations,
  IdentityLookup,
  Log,
  PluginHost,
  Store,
} from '@alknet/sdk';
import type { PluginEvent } from './events.ts';
import type { PluginInstance } from './instance.ts';
import type { MetricTable } from './metrics.ts';
import type { Trust } from './trust.ts';

export interface PluginServices {
  /** Directory of the configuration file; `use` is relative to it. */
  readonly directory: string;
  /** Of the node. */
  readonly dataDir: string;
  readonly sdkVersion: string;
  /** Read at each load. */
  readonly trust: Trust;
  /** This and `limits` are read at each use. */
  readonly node: PluginHost['node'];
  readonly limits: Readonly<CallLimits>;
  /** Milliseconds; the default of a plugin's own `limits.reloadGrace`. */
  readonly reloadGrace: number;
  /** Milliseconds without a further change of a source file before a plugin is loaded anew. */
  readonly sourceQuiet: number;
  /**
   * Whether each plugin in a worker has a thread in stock for its next reload. It costs memory, and is for authors, who
   * wait for what they saved.
   */
  readonly spareThreads: boolean;
  /** Told when a plugin has come to another state. */
  readonly onEvent?: ((event: PluginEvent) => void) | undefined;
  readonly metrics: MetricTable;
  readonly log: Log;
  pluginLog(plugin: string): Log;
  /** `maxSize` is read at each write. */
  store(plugin: string, maxSize: () => number): Store;
  identity(plugin: { readonly name: string; readonly builtIn: boolean }): IdentityLookup;
  /** @throws when a secret does not exist; the error names it */
  capabilities(plugin: string, names: readonly string[]): Promise<Capabilities> | Capabilities;
  readonly surface: PluginSurface;
  /** Of plugins in threads of their own; absent: as `docs/spec/config.md` 6.4 says. */
  readonly isolation?: Isolation;
}

export interface Isolation {
  /** Milliseconds without a beat after which a thread is ended. */
  readonly heartbeat: number;
  /** Milliseconds to wait before a thread is started again that has ended so many times. */
  restartDelay(ends: number): number;
}

/** Where a plugin becomes visible: registry and endpoint. */
export interface PluginSurface {
  /**
   * Puts operations and ALPNs of `next` in the place of those of `previous`, in one synchronous step. The promise
   * resolves when calls and connections of `previous` are over, at most its reload grace later.
   *
   * @throws and nothing has changed
   */
  publish(next: PluginInstance, previous: PluginInstance | undefined): Promise<void>;
  /** The same without a next one. */
  withdraw(instance: PluginInstance): Promise<void>;
  /** `instance.granted` is another one now. */
  privilegeChanged(instance: PluginInstance): void;
  operations(instance: PluginInstance): HostOperations;
  dispatch(instance: PluginInstance, alpn: string, stream: Duplex, auth: DispatchAuth): Promise<CloseInfo>;
  dial(instance: PluginInstance, alpn: string, target: string, options: DialRequest): Promise<Connection>;
}

/**
 * The adapters of a node, as its configuration lists them. `docs/spec/http.md` 17.2 and 17.3.
 *
 * @module
 */

import { isDeepStrictEqual } from 'node:util';
import { AdapterError, CallError, type Gauge, type PluginHost } from '@alknet/sdk';
import type { AdapterConfig } from '../../config-schema.ts';
import type { AdapterParts } from '../adapter.ts';
import { type ClientConfig, HttpClient } from '../client.ts';
import { RetryAfterTable } from '../response/retry.ts';
import { AdapterLife, type AdapterStatus } from './adapter-life.ts';
import type { MakeAdapter } from './make.ts';

export interface AdaptersConfig {
  readonly adapters: readonly AdapterConfig[];
  readonly client: ClientConfig;
}

type AdaptersHost = Pick<PluginHost, 'log' | 'operations' | 'metrics' | 'capabilities' | 'node'>;

interface Entry {
  readonly config: AdapterConfig;
  readonly life: AdapterLife;
}

export class Adapters {
  readonly #host: AdaptersHost;
  readonly #make: MakeAdapter;
  readonly #client: HttpClient;
  readonly #parts: AdapterParts;
  readonly #gauge: Gauge;
  #clientConfig: ClientConfig;
  #entries = new Map<string, Entry>();

  /** @throws AdapterError `AdapterConfig`, and nothing runs */
  constructor(host: AdaptersHost, config: AdaptersConfig, make: MakeAdapter) {
    this.#host = host;
    this.#make = make;
    const requests = host.metrics.counter(
      'alknet_adapter_requests_total',
      'Requests of adapters, by status.',
    );
    this.#gauge = host.metrics.gauge('alknet_adapter_operations', 'Operations that an adapter has imported.');
    this.#clientConfig = config.client;
    this.#client = new HttpClient(config.client);
    this.#parts = {
      client: this.#client,
      retryAfter: new RetryAfterTable(),
      log: host.log,
      capabilities: () => host.capabilities,
      version: host.node.version,
      counted: (namespace, status) =>
        requests.add(1, { namespace, status: status === undefined ? 'none' : String(status) }),
    };
    this.#take(config.adapters);
  }

  /** @throws AdapterError `AdapterConfig`, and nothing has changed */
  configure({ adapters, client }: AdaptersConfig): void {
    const commit = this.#prepare(adapters);
    if (!isDeepStrictEqual(client, this.#clientConfig)) {
      this.#client.configure(client);
      this.#clientConfig = client;
    }
    commit();
  }

  list(): AdapterStatus[] {
    return [...this.#entries.values()]
      .map(({ life }) => life.status)
      .sort((a, b) => (a.namespace < b.namespace ? -1 : 1));
  }

  /** @throws CallError `ADAPTER_NOT_FOUND`, `ADAPTER_FAILED` */
  async refresh(namespace: string): Promise<number> {
    const entry = this.#entries.get(namespace);
    if (entry === undefined)
      throw new CallError('ADAPTER_NOT_FOUND', `no adapter has the namespace ${namespace}`);
    try {
      return await entry.life.refresh();
    } catch (error) {
      const code = error instanceof AdapterError ? error.code : 'Transport';
      const message = error instanceof Error ? error.message : String(error);
      throw new CallError('ADAPTER_FAILED', message, { details: { code }, cause: error });
    }
  }

  /** What was published goes with the instance that published it, or has been taken over. */
  async stop(): Promise<void> {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    await Promise.all(entries.map(({ life }) => life.end(true)));
    await this.#client.close();
  }

  #take(adapters: readonly AdapterConfig[]): void {
    this.#prepare(adapters)();
  }

  /** Everything that can be refused is refused before anything changes. */
  #prepare(adapters: readonly AdapterConfig[]): () => void {
    const names = adapters.map(({ namespace }) => namespace);
    const twice = names.findIndex((name, i) => names.indexOf(name) !== i);
    if (twice !== -1) {
      throw new AdapterError(
        'AdapterConfig',
        `adapters[${twice}].namespace: "${names[twice]}" has an adapter already; one adapter a namespace`,
      );
    }
    const next = adapters.map((config) => {
      const known = this.#entries.get(config.namespace);
      if (known !== undefined && isDeepStrictEqual(known.config, config)) return { config, known };
      return { config, known, adapter: this.#make(config, this.#parts) };
    });
    return () => {
      const entries = new Map<string, Entry>();
      for (const [namespace, { life }] of this.#entries) {
        if (names.includes(namespace)) continue;
        void life.end();
        this.#gauge.set(0, { namespace });
      }
      for (const { config, known, adapter } of next) {
        entries.set(config.namespace, { config, life: this.#lifeOf(config.namespace, known?.life, adapter) });
      }
      this.#entries = entries;
    };
  }

  #lifeOf(
    namespace: string,
    known: AdapterLife | undefined,
    adapter: ReturnType<MakeAdapter> | undefined,
  ): AdapterLife {
    if (known !== undefined && adapter === undefined) return known;
    if (known !== undefined && adapter !== undefined && known.kind === adapter.kind) {
      known.exchange(adapter);
      return known;
    }
    if (adapter === undefined) throw new Error(`${namespace}: neither known nor made`);
    void known?.end();
    const { operations, log } = this.#host;
    return new AdapterLife(adapter, {
      namespace,
      publish: (prefix, kind, registrations) => operations.publish(prefix, kind, registrations),
      prepare: (registrations) => operations.prepare(registrations),
      log,
      counted: (count) => this.#gauge.set(count, { namespace }),
    });
  }
}

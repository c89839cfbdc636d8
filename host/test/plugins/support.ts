import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import {
  type CallLimits,
  Capabilities,
  type Connection,
  type Log,
  type LogFields,
  type LogLevel,
  type PluginHost,
  silentLog,
} from '@alknet/sdk';
import { type Config, configFromBytes } from '../../src/config/index.ts';
import { AlpnRouter } from '../../src/endpoint/router.ts';
import {
  MetricTable,
  type PluginInstance,
  type PluginServices,
  PluginSupervisor,
} from '../../src/plugins/index.ts';
import { openEmbeddedStore } from '../../src/store/index.ts';
import { nowhere, temporary } from '../config/support.ts';

export interface Line {
  readonly level: LogLevel;
  readonly event: string;
  readonly fields: LogFields;
}

/** A supervisor on a real store and router, with the rest of the node told apart only by what it records. */
export interface Bench {
  readonly directory: string;
  readonly supervisor: PluginSupervisor;
  readonly router: AlpnRouter;
  readonly lines: Line[];
  /** Values that a plugin hands out by `globalThis.seen[name].push(…)`. */
  readonly seen: unknown[];
  readonly key: string;
  readonly privilegeChanges: string[];
  readonly secrets: Map<string, string>;
  readonly services: PluginServices;
  write(file: string, text: string): Promise<string>;
  config(plugins: unknown): Config;
  /** What `trust` of the configuration says from now on. */
  trust(trusted: object): void;
  /** Entry by entry: `use` of a file in the directory, inline. */
  apply(plugins: unknown): Promise<void>;
  operationNames(): string[];
}

let benches = 0;

export async function bench(
  t: TestContext,
  { sourceQuiet = 60_000, spareThreads = false } = {},
): Promise<Bench> {
  const directory = await temporary(t);
  const store = await openEmbeddedStore(join(directory, 'store.db'));
  const router = new AlpnRouter();
  const published = new Map<string, PluginInstance>();
  const lines: Line[] = [];
  const privilegeChanges: string[] = [];
  const secrets = new Map<string, string>();
  const key = `bench${++benches}`;
  const seen: unknown[] = [];
  Object.assign(globalThis, { [key]: seen });
  const log = recordingLog(lines);
  const limits: CallLimits = {
    frame: 16 << 20,
    callsPerConnection: 256,
    subscriptionsPerConnection: 256,
    callTimeout: 30_000,
    callTimeoutMax: 600_000,
    bufferedPerConnection: 32 << 20,
  };
  const services: PluginServices = {
    directory,
    dataDir: directory,
    sdkVersion: '0.1.0',
    get trust() {
      return trust;
    },
    node: { id: 'ed25519:00', z32: 'y', name: 'test', version: '0.1.0' },
    limits,
    reloadGrace: 50,
    // A test that reloads by itself, or not at all, must not meet the reload of its own saves.
    sourceQuiet,
    spareThreads,
    metrics: new MetricTable(),
    log,
    pluginLog: () => log,
    store: (name, maxSize) => store.namespace(name, { maxSize }),
    identity: () => ({
      resolveFingerprint: () => undefined,
      resolveToken: () => undefined,
      onChange: () => () => {},
    }),
    capabilities: (plugin, names) => {
      let held = new Capabilities();
      for (const name of names) {
        const value = secrets.get(name);
        if (value === undefined) throw new Error(`the secret ${name}, granted to ${plugin}, does not exist`);
        held = held.withApiKey(name, value);
      }
      return held;
    },
    surface: {
      publish: (next, previous) => {
        router.exchange(previous, next);
        published.set(next.name, next);
        return Promise.resolve();
      },
      withdraw: (instance) => {
        router.exchange(instance, undefined);
        published.delete(instance.name);
        return Promise.resolve();
      },
      privilegeChanged: ({ name }) => privilegeChanges.push(name),
      operations: () => ({}) as PluginHost['operations'],
      dispatch: () => Promise.reject(new Error('not in this test')),
      dial: () => Promise.reject(new Error('not in this test')),
    },
  };
  let trust: PluginServices['trust'] = { mode: 'any', publishers: {} };
  const supervisor = new PluginSupervisor(services);
  const config = (plugins: unknown, trusted: object = {}) =>
    configFromBytes(
      join(directory, 'alknet.config.json'),
      Buffer.from(JSON.stringify({ plugins, trust: trusted })),
      {
        surroundings: nowhere,
      },
    ).config;
  t.after(async () => {
    await supervisor.stop();
    store.close();
    Reflect.deleteProperty(globalThis, key);
  });
  return {
    directory,
    supervisor,
    router,
    lines,
    seen,
    key,
    privilegeChanges,
    secrets,
    services,
    write: async (file, text) => {
      const path = join(directory, file);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, text);
      return path;
    },
    config,
    trust: (trusted) => {
      trust = config({}, trusted).trust;
    },
    apply: (plugins) => supervisor.apply(config(plugins)),
    operationNames: () =>
      [...published.values()].flatMap(({ operations }) => operations.map(({ name }) => name)),
  };
}

function recordingLog(lines: Line[]): Log {
  const at =
    (level: LogLevel) =>
    (event: string, fields: LogFields = {}) =>
      void lines.push({ level, event, fields });
  return {
    ...silentLog,
    error: at('error'),
    warn: at('warn'),
    notice: at('notice'),
    info: at('info'),
    debug: at('debug'),
    trace: at('trace'),
  };
}

export interface Parts {
  /** Members of the plugin beside name and version, as source. */
  readonly members?: string;
  /** Body of `start(host)`. */
  readonly start?: string;
  readonly version?: string;
  readonly before?: string;
}

/** Source of a plugin. */
export function source(
  name: string,
  { members = '', start = 'return {};', version = '1.0.0', before = '' }: Parts = {},
) {
  return `import { definePlugin, defineOperation, Secret, Type } from '@alknet/sdk';
${before}
export default definePlugin({
  name: '${name}',
  version: '${version}',
  ${members}
  start(host: { config: unknown }) { ${start} },
});
`;
}

export function operation(name: string): string {
  return `operations: [defineOperation({ name: '${name}', type: 'query', access: 'public', input: Type.Object({}), output: Type.Any(), handler: () => 1 })],`;
}

export const inline = (use: string, more: object = {}) => ({ use, isolation: 'inline', ...more });

export function aConnection(alpn: string): Connection {
  return { id: 'c1', alpn } as Connection;
}

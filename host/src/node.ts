/**
 * A running node: the one file that knows all parts. It opens the vault before it binds a socket, starts plugins before
 * it listens, follows its files, and lets go in the order of `docs/spec/endpoint.md` 13.
 *
 * @example
 * const node = await startNode({ configPath: 'alknet.config.json' });
 * console.log(node.id, node.addresses);
 * await node.stop();
 *
 * @module
 */

import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';
import type { RemoteAddress } from '@alknet/sdk';
import { noCapabilities } from '@alknet/sdk';
import { AcmeCertificates } from './acme/index.ts';
import { ConfigError, LiveConfig, type LoadOptions, loadConfig } from './config/index.ts';
import { serveControl } from './control-socket.ts';
import { Endpoint, tlsTransport } from './endpoint/index.ts';
import { quicTransport } from './endpoint/quic/index.ts';
import { browserCertificate, fingerprintToZBase32, NodeIdentities } from './identity/index.ts';
import { NodeLog } from './log/index.ts';
import { Announcement } from './node/announcement.ts';
import { Authorities } from './node/authorities.ts';
import { claimDataDirectory } from './node/data-directory.ts';
import { followFiles } from './node/followed-files.ts';
import { metricSource } from './node/host-metrics.ts';
import { peerLinks } from './node/peer-links.ts';
import { NodePeers } from './node/peers.ts';
import { pluginSwitch } from './node/plugin-switch.ts';
import { NodeSecrets } from './node/secrets.ts';
import { callLimits, endpointSettings, listenSpecs } from './node/settings.ts';
import { nodeStatus } from './node/status.ts';
import { NodeSurface } from './node/surface.ts';
import { targetOf } from './node/target.ts';
import { NodeVault } from './node/vault.ts';
import { WebCertificates } from './node/web-certificates.ts';
import { hostOperations } from './operations/index.ts';
import type { NodeStatus } from './operations/status.ts';
import {
  atMost,
  catchFaults,
  MetricTable,
  type PluginEvent,
  type PluginRow,
  PluginSupervisor,
} from './plugins/index.ts';
import type { Owner } from './registry/registration.ts';
import { noPrivilege } from './registry/registration.ts';
import { Registry } from './registry/registry.ts';
import { openEmbeddedStore } from './store/index.ts';
import type { UnlockOptions } from './vault/index.ts';
import { alknetVersion, sdkVersion } from './version.ts';

export interface NodeOptions extends LoadOptions {
  readonly configPath: string;
  readonly passphraseFile?: string;
  readonly credentialsDirectory?: string;
  /** Asks for the vault passphrase; absent when there is no terminal. */
  readonly prompt?: UnlockOptions['prompt'];
  /** Default: standard error. */
  readonly logStream?: Writable;
  readonly colour?: boolean;
  /** Report faults of the whole process; the daemon sets it, a test that shares its process does not. */
  readonly ownProcess?: boolean;
  /** Milliseconds that the source of a plugin must be quiet before it is loaded anew; default 100. */
  readonly sourceQuiet?: number;
  /** Keep a thread ready for the next reload of each plugin in a worker; default false. */
  readonly spareThreads?: boolean;
  readonly onPluginEvent?: (event: PluginEvent) => void;
}

export interface AlknetNode {
  /** `ed25519:<hex>` */
  readonly id: string;
  readonly z32: string;
  readonly dataDir: string;
  readonly configPath: string;
  readonly addresses: readonly { readonly transport: string; readonly address: RemoteAddress }[];
  /** Milliseconds that `stop` may take at all. `docs/spec/endpoint.md` 13. */
  readonly stopLimit: number;
  status(): NodeStatus;
  /** Each plugin as it is now. */
  plugins(): readonly PluginRow[];
  /** Settles when every plugin is what the configuration wants, or has failed. */
  pluginsSettled(): Promise<void>;
  /** Takes configuration, peers and secrets as they are now, and opens the log file anew (SIGHUP). */
  reload(): Promise<void>;
  /** Drains and ends; names of plugins that did not stop. Idempotent. */
  stop(): Promise<readonly string[]>;
}

/**
 * @throws ConfigError, NodeRunning, VaultError, PeersFormatError, StoreError, ListenError; nothing is left bound or open
 */
export async function startNode(options: NodeOptions): Promise<AlknetNode> {
  const undo: (() => unknown)[] = [];
  try {
    return await assemble(options, (step) => undo.unshift(step));
  } catch (error) {
    for (const step of undo) await step();
    throw error;
  }
}

async function assemble(options: NodeOptions, onFailure: (step: () => unknown) => void): Promise<AlknetNode> {
  const startedAt = new Date();
  const version = alknetVersion;
  const loaded = await loadConfig(options.configPath, options);
  const { dataDir } = loaded.config;
  await claimDataDirectory(dataDir);

  const sink = () => ({
    format: live.current.log.format ?? (process.stderr.isTTY ? 'text' : 'json'),
    colour: options.colour ?? process.stderr.isTTY === true,
    file: live.current.log.file,
    ...(options.logStream === undefined ? {} : { stream: options.logStream }),
  });
  const live: LiveConfig = new LiveConfig(loaded, {
    ...options,
    check: (next) => supervisor.check(next),
    apply: async (next, previous) => {
      nodeLog.configure({ level: next.log.level, plugins: next.log.plugins });
      nodeLog.sink.configure(sink());
      await authorities.follow(next.tls.ca);
      await certificates.follow(next.tls);
      await acme.follow(next.tls.acme);
      // Neither is awaited: a plugin that hangs at start must not hold back the next reload.
      if (!isDeepStrictEqual(next.trust, previous.trust)) void supervisor.followTrust();
      void supervisor.apply(next).then(announce);
      links.follow(next);
      await announce();
    },
    onEvent: (event) => {
      if (event.kind === 'applied') {
        log.info('configuration applied', { revision: event.revision });
        for (const { message } of event.warnings) log.warn('configuration', { message });
      } else if (event.kind === 'refused') log.error('configuration refused', { error: event.error.message });
      else log.warn('restart needed', { keys: event.keys.join(',') });
      if (event.kind === 'refused') void announce();
    },
  });
  const nodeLog = new NodeLog({ level: loaded.config.log.level, plugins: loaded.config.log.plugins }, sink());
  const { log } = nodeLog;
  const warn = (message: string) => log.warn('startup', { message });
  for (const { message } of loaded.warnings) warn(message);

  const vault = await NodeVault.open({
    dataDir,
    passphraseFile: options.passphraseFile,
    credentialsDirectory: options.credentialsDirectory,
    prompt: options.prompt,
    warn,
  });
  onFailure(() => vault.lock());
  const key = vault.identityKey();
  const { id } = vault;
  const z32 = fingerprintToZBase32(id);

  const authorities = new Authorities(log);
  await authorities.load(live.current.tls.ca);

  const certificates = new WebCertificates(log);
  onFailure(() => certificates.close());
  await certificates.load(live.current.tls);
  const acme = new AcmeCertificates(log, () => authorities.pem);
  onFailure(() => acme.close());
  await acme.load(live.current.tls.acme);

  const peers = new NodePeers(dataDir, log, () => live.current.identity.maxPeers);
  await peers.load();
  onFailure(() => peers.table.close());
  const secrets = new NodeSecrets(dataDir, vault.vault, log);
  await secrets.load();
  const store = await openEmbeddedStore(join(dataDir, 'store.db'));
  onFailure(() => store.close());

  const settings = endpointSettings(live);
  const limits = callLimits(live);
  const registry = new Registry({ identities: peers, store: store.namespace('host'), limits, log });
  await registry.load();
  onFailure(() => registry.close());
  const endpoint = new Endpoint({
    transports: [quicTransport(), tlsTransport()],
    identities: new NodeIdentities({
      key,
      peers: peers.table,
      ca: () => authorities.pem,
      browser: await browserCertificate(dataDir),
      file: () => certificates.current,
      acme,
    }),
    settings,
    log,
  });
  peers.attach(endpoint);
  onFailure(() => endpoint.close());

  const surface = new NodeSurface({
    registry,
    endpoint,
    secrets,
    pluginLog: (name) => nodeLog.plugin(name),
    reloadGrace: () => live.current.limits.reloadGrace,
    resolveTarget: (text) => targetOf(text, live.current, peers.table),
    isPlugin: (name) => live.current.plugins[name]?.enabled === true,
  });
  const metrics = new MetricTable();
  const supervisor = new PluginSupervisor({
    directory: join(live.path, '..'),
    dataDir,
    sdkVersion,
    get trust() {
      return live.current.trust;
    },
    get node() {
      return { id, z32, name: live.current.name, version };
    },
    limits,
    get reloadGrace() {
      return live.current.limits.reloadGrace;
    },
    sourceQuiet: options.sourceQuiet ?? 100,
    spareThreads: options.spareThreads ?? false,
    onEvent: options.onPluginEvent,
    metrics,
    log,
    pluginLog: (name) => nodeLog.plugin(name),
    store: (name, maxSize) =>
      store.namespace(`plugin:${name}`, { maxSize, limitName: `plugins.${name}.limits.storeSize` }),
    identity: (plugin) => peers.lookup(plugin),
    capabilities: (name, names) => secrets.capabilities(name, names),
    surface,
  });
  supervisor.contributions.exchange(undefined, {
    name: 'host',
    contributes: { metrics: metricSource({ registry, endpoint, metrics }) },
  });
  const host: Owner = {
    name: 'host',
    provenance: Object.freeze({ name: 'host', version, package: '@alknet/host' }),
    privilege: noPrivilege,
    capabilities: noCapabilities,
    concurrency: Number.POSITIVE_INFINITY,
    log,
  };
  const links = peerLinks({ endpoint, registry, peers, secrets, host, limits, live, log });
  const problems = await supervisor.check(live.current);
  if (problems.length > 0) throw new ConfigError(live.path, problems.map(loaded.document.locate));
  if (options.ownProcess) {
    const undoFaults = catchFaults({
      report: ({ error, kind, plugin }) =>
        (plugin === undefined ? log : nodeLog.plugin(plugin)).error(`uncaught ${kind}`, { error }),
      pluginOfStack: (stack) => supervisor.pluginOfStack(stack),
    });
    onFailure(undoFaults);
  }

  const status = () =>
    nodeStatus({
      id,
      z32,
      version,
      startedAt,
      live,
      endpoint,
      supervisor,
      registry,
      peers,
      secrets,
      links,
      vault,
      certificate: key,
      file: certificates,
      acme,
    });
  const operations = hostOperations({
    status,
    endpoint,
    registry,
    supervisor,
    switchPlugin: pluginSwitch(live, supervisor),
    peers,
    live,
    logTail: nodeLog.sink.tail,
  });
  registry.publishHost(host, operations);
  onFailure(() => supervisor.stop());
  await supervisor.apply(live.current);
  await endpoint.listen(listenSpecs(live.current));
  acme.begin();
  links.follow(live.current);
  onFailure(() => links.stop());

  const announcement = new Announcement({
    dataDir,
    id,
    z32,
    version,
    live,
    endpoint,
    peers,
    registry,
    log,
  });
  const announce = () => announcement.write();
  const files = await followFiles({
    dataDir,
    live,
    peers,
    secrets,
    vault,
    supervisor,
    secretsChanged: () => surface.renewCapabilities(),
    announce,
  });
  onFailure(() => files.close());
  const control = await serveControl(dataDir, {
    state: () => vault.state(),
    lock: () => vault.lock(),
    unlock: async (passphrase) => {
      await vault.unlock(passphrase);
      await files.reloadSecrets();
    },
  });
  onFailure(() => control.close());
  await announce();
  if (live.current.vault.lockAfterStart) vault.lock();

  let stopping: Promise<readonly string[]> | undefined;
  const stop = async (): Promise<readonly string[]> => {
    endpoint.drain();
    await links.stop();
    await files.close();
    const { drain } = live.current.limits;
    await Promise.all([endpoint.drained(drain), atMost(supervisor.drain(), drain)]);
    const laggards = await supervisor.stop();
    for (const plugin of laggards) log.error('plugin did not stop', { plugin });
    await announcement.end();
    registry.close();
    peers.table.close();
    store.close();
    certificates.close();
    await acme.close();
    vault.lock();
    await Promise.all([endpoint.close(), control.close(), announcement.remove()]);
    await nodeLog.sink.close();
    return laggards;
  };

  return {
    id,
    z32,
    dataDir,
    configPath: live.path,
    get addresses() {
      return endpoint.addresses;
    },
    get stopLimit() {
      return live.current.limits.drain + 1000;
    },
    status,
    plugins: () => supervisor.rows(),
    pluginsSettled: () => supervisor.idle(),
    reload: async () => {
      nodeLog.sink.reopen();
      await files.reload();
    },
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

/**
 * Everything that one instance of the plugin is made of.
 *
 * @module
 */

import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Connection, Log, PeerDirectory, PluginHost } from '@alknet/sdk';
import { type GitConfig, type Settings, settingsOf } from './config.ts';
import { EventLog } from './events/event-log.ts';
import { barPrograms } from './git/barred.ts';
import { Git } from './git/git.ts';
import { findGit } from './git/program.ts';
import { installHooks } from './hooks/install.ts';
import { Maintenance } from './repositories/maintenance.ts';
import { Records } from './repositories/records.ts';
import { Repositories } from './repositories/repositories.ts';
import { RepositoryTree } from './repositories/tree.ts';
import { Admission } from './service/admission.ts';
import { NotifySocket } from './service/notify-socket.ts';
import { Runs } from './service/runs.ts';
import { serveConnection } from './service/serve-connection.ts';
import { ServiceDesk } from './service/service-desk.ts';
import { Writers } from './service/writers.ts';

/** Writers of the process: an instance that goes and the one that comes serve the same directories. */
const writers = new Writers();

export class GitNode {
  readonly git: Git;
  readonly repositories: Repositories;
  readonly admission: Admission;
  readonly events: EventLog;
  readonly desk: ServiceDesk;
  readonly runs: Runs;
  readonly maintenance: Maintenance;
  readonly writers = writers;
  readonly log: Log;
  /** Of the node, for URLs. */
  readonly z32: string;
  private readonly host: PluginHost<GitConfig>;
  private readonly notify: NotifySocket;
  private readonly ending: AbortController;
  private current: Settings;

  private constructor(
    host: PluginHost<GitConfig>,
    settings: Settings,
    parts: { git: Git; tree: RepositoryTree; events: EventLog; notify: NotifySocket; policies: string },
    ending: AbortController,
  ) {
    const { git, tree, events, notify, policies } = parts;
    const { log } = host;
    const read = () => this.current;
    this.host = host;
    this.log = log;
    this.z32 = host.node.z32;
    this.current = settings;
    this.ending = ending;
    this.git = git;
    this.events = events;
    this.notify = notify;
    this.repositories = new Repositories(tree, new Records(host.store), git, read, log);
    this.admission = new Admission(this.repositories, read);
    this.runs = new Runs(git, read, log);
    const { repositories, admission, runs } = this;
    this.maintenance = new Maintenance({ git, repositories, writers, settings: read, log }, ending.signal);
    this.desk = new ServiceDesk({
      git,
      repositories,
      events,
      admission,
      runs,
      maintenance: this.maintenance,
      program: git.places.program,
      policies,
      notify,
      writers,
      settings: read,
      log,
    });
  }

  /** @throws Error when there is no git that fits, or the directory cannot be used */
  static async start(host: PluginHost<GitConfig>): Promise<GitNode> {
    const settings = settingsOf(host.config);
    const { path: program, version } = await findGit(settings.program);
    const { dataDir } = host;
    const places = {
      program,
      home: join(dataDir, 'home'),
      hooks: join(dataDir, 'hooks'),
      barred: join(dataDir, 'barred'),
    };
    const policies = join(dataDir, 'pushes');
    for (const directory of [places.home, policies]) await mkdir(directory, { recursive: true, mode: 0o700 });
    await empty(places.home);
    await installHooks(places.hooks);
    await barPrograms(places.barred);
    const tree = await RepositoryTree.open(settings.root ?? join(dataDir, 'repositories'));
    const ending = new AbortController();
    const notify = await NotifySocket.open(host.log);
    try {
      const events = await EventLog.open(host.store, host.log, ending.signal);
      let started: GitNode | undefined;
      const git = new Git(places, () => started?.settings.allowAnyWant ?? settings.allowAnyWant);
      started = new GitNode(host, settings, { git, tree, events, notify, policies }, ending);
      started.maintenance.look();
      host.log.info('repositories served', { root: tree.root, git: version });
      return started;
    } catch (error) {
      ending.abort();
      await notify.close();
      throw error;
    }
  }

  /** Who peers are now; absent where the plugin does not run in the process of the node. */
  get peers(): PeerDirectory | undefined {
    return this.host.identity.peers;
  }

  get settings(): Settings {
    return this.current;
  }

  /** @throws Error for what needs a new instance */
  configure(config: GitConfig): void {
    const next = settingsOf(config);
    if (next.root !== this.current.root || next.program !== this.current.program)
      throw new Error('root and program are read when the plugin starts: reload it');
    this.current = next;
  }

  connection(connection: Connection): Promise<void> {
    const { desk, log } = this;
    return serveConnection(connection, { desk, log, identity: this.host.identity });
  }

  async stop(): Promise<void> {
    if (this.ending.signal.aborted) return;
    this.ending.abort();
    await this.runs.stop();
    await this.maintenance.stop();
    await this.notify.close();
  }
}

/** What HOME holds would be read. */
async function empty(directory: string): Promise<void> {
  for (const name of await readdir(directory))
    await rm(join(directory, name), { recursive: true, force: true });
}

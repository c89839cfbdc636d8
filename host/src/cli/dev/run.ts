/**
 * `alknet dev`: a throw-away node around the plugins at hand, which follow every save. `docs/spec/cli.md` 6.
 *
 * @module
 */

import { createInterface } from 'node:readline';
import { type FileWatch, watchFile } from '../../config/index.ts';
import { addressText } from '../../endpoint/address.ts';
import { type AlknetNode, startNode } from '../../node.ts';
import type { PluginEvent } from '../../plugins/index.ts';
import type { Context } from '../context.ts';
import { wantsColour } from '../output.ts';
import { builtInsHere, readBase } from './base-config.ts';
import { devConfig } from './dev-config.ts';
import { openInBrowser } from './open-browser.ts';
import { devOptions } from './options.ts';
import { DevReport } from './report.ts';
import { paint } from './screen.ts';
import { type Target, targetOf } from './targets.ts';
import { TypeChecks } from './type-checks.ts';
import { Workspace } from './workspace.ts';

/** Milliseconds: editors write a file at once, and half of one is a syntax error that the next save mends. */
const sourceQuiet = 20;

export async function runDev(context: Context): Promise<number> {
  const { targets, basePath, isolation, secrets, port, keep } = await devOptions(context);
  // Refused here, before anything is made.
  let base = await readBase(basePath);
  const report = new DevReport(context.out, paint(wantsColour(context.value('color'), process.stdout)));
  const builtIns = await builtInsHere();
  const workspace = await Workspace.make(secrets, keep);
  const clean = () => {
    if (!keep) workspace.removeNow();
  };
  // However it ends: by a second signal or by a fault, too.
  process.once('exit', clean);
  const stopped = untilStopped();

  let node: AlknetNode | undefined;
  let shown = false;
  const rowOf = (name: string) => node?.plugins().find((row) => row.name === name);
  const types = new TypeChecks(workspace.directory, (...found) => report.types(...found));
  const configure = async () =>
    await workspace.configure(
      devConfig({
        base,
        builtIns,
        targets: await Promise.all(targets.map(renewed)),
        requested: (name) => rowOf(name)?.instance?.requests,
        secrets: [...secrets.keys()],
        isolation,
        dataDir: workspace.dataDir,
        port,
      }),
    );

  // ── what follows a save; serving waits for none of it ────────────────────────────────────────────────────────────

  let following: Promise<void> = Promise.resolve();
  /** Rights and configuration follow what the plugins ask for now. */
  const follow = () => {
    following = following.then(async () => {
      if (node === undefined) return;
      types.follow(node.plugins());
      const operations = node.plugins().flatMap(({ instance }) => instance?.operations ?? []);
      const admitted = await workspace.admit(operations);
      const configured = await configure();
      if (admitted || configured) await node.reload();
      if (configured && basePath !== undefined) report.config(basePath, node.status().configuration.error);
    });
    following = following.catch((error: unknown) => report.note(`not followed: ${String(error)}`));
    return following;
  };
  const onPluginEvent = (event: PluginEvent) => {
    // What becomes of the start is shown together.
    if (shown || 'error' in event) report.plugin(event, rowOf(event.plugin));
    void follow();
  };
  const followBase = async (path: string) => {
    try {
      base = await readBase(path);
      await follow();
    } catch (error) {
      report.config(path, error instanceof Error ? error.message : String(error));
    }
  };

  const webUrl = () => {
    const tls = node?.addresses.find(({ transport }) => transport === 'tls');
    return tls !== undefined && rowOf('http')?.state === 'running'
      ? `https://${addressText(tls.address)}/`
      : undefined;
  };
  const open = async () => {
    const web = webUrl();
    const fault = web === undefined ? 'the plugin http does not run' : await openInBrowser(web);
    if (fault !== undefined) report.note(`not opened: ${fault}`);
  };
  const overview = () => {
    if (node === undefined) return;
    const { id, addresses } = node;
    report.ready({
      id,
      addresses: addresses.map(({ transport, address }) => `${transport} ${addressText(address)}`),
      web: webUrl(),
      rows: node.plugins(),
      dataDir: workspace.dataDir,
      configPath: basePath ?? workspace.configPath,
      token: workspace.token,
    });
  };

  const watches: FileWatch[] = [];
  try {
    await configure();
    node = await startNode({
      configPath: workspace.configPath,
      dataDir: workspace.dataDir,
      ownProcess: true,
      logFormat: 'json',
      logStream: report.log,
      sourceQuiet,
      spareThreads: true,
      onPluginEvent,
    });
    await follow();
    await node.pluginsSettled();
    shown = true;
    overview();
    if (context.has('open')) await open();
    if (basePath !== undefined) watches.push(await watchFile(basePath, () => void followBase(basePath)));
    const keys = onKeys({ s: overview, q: stopped.now });
    context.out.hint('s and Enter: this again; q and Enter, or Ctrl-C: end');
    await stopped.promise;
    keys();
  } finally {
    types.close();
    await Promise.all(watches.map((watch) => watch.close()));
    await following;
    await node?.stop();
    clean();
  }
  report.stopped(keep ? workspace.directory : undefined);
  return 0;
}

/** The manifest may have changed its wishes; a broken one is told when the plugin is loaded. */
async function renewed(target: Target): Promise<Target> {
  return await targetOf(target.use).catch(() => target);
}

/** INT, TERM and the end of the terminal; a second one ends the process at once. */
function untilStopped() {
  let now = () => {};
  const promise = new Promise<void>((resolve) => {
    now = resolve;
  });
  let asked = false;
  for (const [signal, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
    ['SIGHUP', 1],
  ] as const) {
    process.on(signal, () => {
      if (asked) process.exit(128 + number);
      asked = true;
      now();
    });
  }
  return { promise, now };
}

/** A letter and Enter, on a terminal. The result lets go of it. */
function onKeys(keys: Readonly<Record<string, () => void>>): () => void {
  if (process.stdin.isTTY !== true) return () => {};
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => keys[line.trim()]?.());
  return () => lines.close();
}

/**
 * Changes of the configuration by commands: every other byte stays, the running node takes the file or it is undone.
 * `docs/spec/cli.md` 2, `docs/spec/config.md` 15.
 *
 * @module
 */

import { resolve } from 'node:path';
import {
  ConfigError,
  editConfig,
  type KeyEdit,
  type Problem,
  type ReloadResult,
  readConfig,
  revisionOf,
} from '../config/index.ts';
import type { Context } from './context.ts';
import { CliError, Exit } from './exit.ts';

/** Milliseconds that the running node has to take a change. */
const patience = 5_000;
const look = 20;

/**
 * Whether a running node has taken the change.
 * @throws ConfigError, exit 3, when the result or the node refuses; the file is as before then
 */
export async function changeConfig(context: Context, edits: readonly KeyEdit[]): Promise<boolean> {
  const path = requireConfig(context);
  const before = await followingNode(context, path);
  const dataDir = context.value('data');
  await context.out.during('waiting for the node', () =>
    editConfig(path, edits, {
      ...(dataDir === undefined ? {} : { dataDir }),
      ...(before === undefined ? {} : { taken: () => taken(context, path, before.config.error) }),
    }),
  );
  if (before === undefined) context.out.hint('the node is not running; the change is in use when it starts');
  return before !== undefined;
}

/** @throws CliError exit 3 */
export function requireConfig(context: Context): string {
  const path = context.configPath;
  if (path === undefined)
    throw new CliError(Exit.CONFIG, 'there is no configuration here', {
      code: 'CONFIG_MISSING',
      hint: 'alknet init',
    });
  return resolve(path);
}

/** A node on the same data that was started with another file does not follow this one. */
async function followingNode(context: Context, path: string) {
  const node = await context.runningNode();
  return node?.config.path === path ? node : undefined;
}

async function taken(context: Context, path: string, known: string | undefined): Promise<ReloadResult> {
  const until = Date.now() + patience;
  for (;;) {
    const node = await followingNode(context, path);
    // Read at each look: who changed it after us did so on top of our change.
    const revision = revisionOf(await readConfig(path));
    // It ended meanwhile: nobody is left to refuse.
    if (node === undefined || node.config.revision === revision) return { taken: true, revision };
    const { error } = node.config;
    if (error !== undefined && error !== known) return { taken: false, error: refusal(path, error) };
    if (Date.now() > until)
      return { taken: false, error: refusal(path, known ?? 'the running node gave no answer within 5 s') };
    await new Promise((done) => setTimeout(done, look));
  }
}

/** The lines that `node.json` has, as the problems that they were. */
function refusal(path: string, text: string): ConfigError {
  const problems = text.split('\n').map((line): Problem => {
    const [, row = '1', column = '1', message = line] = /^.*?:(\d+):(\d+) {2}(.*)$/.exec(line) ?? [];
    return { pointer: '', line: Number(row), column: Number(column), message };
  });
  return new ConfigError(path, problems);
}

/**
 * `alknet plugin add` and `rm`: somebody's code comes into the node, with what the operator agrees to.
 *
 * @module
 */

import { dirname } from 'node:path';
import type { Requests } from '@alknet/sdk';
import type { PluginEntry } from '../../config/effective.ts';
import type { KeyEdit } from '../../config/index.ts';
import {
  type Examined,
  examine,
  grantedOf,
  isBuiltIn,
  type LockEntry,
  locatePlugin,
  lockPath,
  publisherOf,
  readLock,
  requestLines,
  vouch,
  writeLockEntry,
} from '../../plugins/index.ts';
import type { Command } from '../command.ts';
import { changeConfig, requireConfig } from '../config-change.ts';
import type { Context } from '../context.ts';
import { CliError, Exit } from '../exit.ts';
import { checkRequested, parseGrant, withGrant } from '../grant-option.ts';
import { type PluginSource, pluginSource } from '../plugin-source.ts';
import { confirmEach, isInteractive } from '../prompt.ts';

const addCommand: Command = {
  path: ['plugin', 'add'],
  summary: 'Take a plugin into the configuration, or another version of it; grants nothing by itself',
  usage: 'PACKAGE|DIR|FILE',
  options: [
    {
      name: 'grant',
      value: 'G',
      repeat: true,
      help: 'agree to a request: operations=fs/get, secrets=NAME, resources=TYPE=WORD, gateway …',
    },
    { name: 'disabled', help: 'add it without running it' },
  ],
  examples: ['alknet plugin add --help'],
  arguments: [1, 1],
  run: async (context) => {
    context.localOnly('plugin add');
    const configPath = requireConfig(context);
    const source = await pluginSource(context, context.args[0] ?? '', configPath);
    try {
      await add(context, source, dirname(configPath));
    } finally {
      await source.discard();
    }
    return undefined;
  },
};

async function add(context: Context, source: PluginSource, home: string): Promise<void> {
  const found = await examine(source.directory);
  const { name } = found.facts.manifest;
  const { requests } = found.facts.manifest;
  const trust = (await context.config())?.config.trust ?? { mode: 'any', publishers: {} };
  const [fault] = found.faults;
  if (fault !== undefined) throw new CliError(Exit.INTEGRITY, `${name}: ${fault}`, { code: 'INTEGRITY' });
  // What a signature has to say is asked before anything is written; the lock is what this command writes.
  if (trust.mode === 'signed') await vouch({ name, trust, directory: home, ...found, lock: false });

  const entry = await entryOf(context, name);
  const before = entry && (await former(entry, home));
  for (const text of context.values('grant')) checkRequested(text, requests);
  const signer = found.signature.state === 'good' ? found.signature.key : undefined;
  const publisher = signer === undefined ? undefined : publisherOf(signer, trust)?.name;
  show(context, found, { signer, publisher, before });

  const grant = await agreed(context, requests, entry?.grant ?? {});
  const lock = lockPath(home);
  const locked = (await readLock(lock))[name];
  const use = await source.install();
  const taken: LockEntry = {
    package: found.facts.name,
    version: found.facts.version,
    integrity: found.origin.integrity,
    modules: found.origin.modules,
    ...(signer === undefined ? {} : { signer }),
    lockedAt: new Date().toISOString(),
  };
  // The lock first: what then reads the configuration finds what it asks for.
  await writeLockEntry(lock, name, taken);
  try {
    await changeConfig(context, editsOf(name, entry, { use, grant, disabled: context.has('disabled') }));
  } catch (error) {
    await writeLockEntry(lock, name, locked);
    throw error;
  }
  const missing = missingLines(requests, grant);
  const { version, integrity, modules } = taken;
  context.out.result(
    {
      name,
      use,
      version,
      integrity,
      modules,
      signer: signer ?? null,
      requests,
      granted: grantedBy(requests, grant),
      missing,
    },
    `${entry === undefined ? 'added' : 'updated'} ${name} ${version} from ${use}${missing.length === 0 ? '' : `\nnot granted: ${missing.join(' ')}`}\n`,
  );
}

/** @throws CliError when the name is one of ours */
async function entryOf(context: Context, name: string): Promise<PluginEntry | undefined> {
  const entry = (await context.config())?.config.plugins[name];
  if (!isBuiltIn(name) || (entry !== undefined && entry.use !== undefined)) return entry;
  throw new CliError(Exit.CONFLICT, `${name} is a built-in plugin; a plugin of another has another name`, {
    code: 'PLUGIN_EXISTS',
  });
}

interface Former {
  readonly version: string;
  readonly requests: Requests;
}

/** What the entry leads to now; `undefined` where it leads to nothing. */
async function former({ name, use }: PluginEntry, home: string): Promise<Former | undefined> {
  const { facts } = await locatePlugin(name, use, home).catch(() => ({ facts: undefined }));
  return facts && { version: facts.version, requests: facts.manifest.requests };
}

interface Shown {
  readonly signer: string | undefined;
  readonly publisher: string | undefined;
  readonly before: Former | undefined;
}

function show(context: Context, { facts, origin }: Examined, { signer, publisher, before }: Shown): void {
  if (context.out.json || context.out.quiet) return;
  const { name, alpns, requests } = facts.manifest;
  const modules = origin.outside.length === 0 ? 'none' : `${origin.outside.length} files of other packages`;
  const lines = [
    `${name} ${facts.version} (${facts.name})${before === undefined ? '' : `, in place of ${before.version}`}`,
    `  integrity  ${origin.integrity}`,
    `  modules    ${modules}`,
    `  signed by  ${signer === undefined ? 'nobody' : `${signer} (${publisher ?? 'no publisher of this node'})`}`,
    `  ALPNs      ${alpns.join(' ') || 'none'}`,
    `  requests   ${requestLines(requests).join(' ') || 'nothing'}`,
  ];
  if (before !== undefined) {
    const [was, is] = [requestLines(before.requests), requestLines(requests)];
    const news = [
      ...is.filter((line) => !was.includes(line)).map((line) => `+${line}`),
      ...was.filter((line) => !is.includes(line)).map((line) => `-${line}`),
    ];
    lines.push(`  changed    ${news.join(' ') || 'nothing in its requests'}`);
  }
  process.stderr.write(`${lines.join('\n')}\n`);
}

/** The grant of the entry, what `--grant` names, and what a person says yes to. `--yes` is no such word. */
async function agreed(context: Context, requests: Requests, given: Requests): Promise<Requests> {
  const grant = context.values('grant').reduce((sum, text) => withGrant(sum, parseGrant(text)), given);
  if (!isInteractive() || context.out.json) return grant;
  // "Whatever the operator names" has to be named.
  const lines = missingLines(requests, grant).filter(
    (line) => !line.endsWith('=*') || line.startsWith('operations='),
  );
  const answers = await confirmEach(lines.map((line) => `grant ${line}?`));
  return lines.reduce((sum, line, at) => (answers[at] ? withGrant(sum, parseGrant(line)) : sum), grant);
}

const grantedBy = (requests: Requests, grant: Requests): Requests =>
  grantedOf({ requests, grant, builtIn: false, configSecrets: [] });

function missingLines(requests: Requests, grant: Requests): string[] {
  const had = requestLines(grantedBy(requests, grant));
  return requestLines(requests).filter((line) => !had.includes(line));
}

interface Wanted {
  readonly use: string;
  readonly grant: Requests;
  readonly disabled: boolean;
}

function editsOf(name: string, entry: PluginEntry | undefined, { use, grant, disabled }: Wanted): KeyEdit[] {
  const granted = Object.keys(grant).length > 0;
  if (entry === undefined) {
    const value = { use, ...(disabled ? { enabled: false } : {}), ...(granted ? { grant } : {}) };
    return [{ path: ['plugins', name], value }];
  }
  return [
    ...(entry.use === use ? [] : [{ path: ['plugins', name, 'use'], value: use }]),
    ...(disabled && entry.enabled ? [{ path: ['plugins', name, 'enabled'], value: false }] : []),
    ...(granted && JSON.stringify(grant) !== JSON.stringify(entry.grant)
      ? [{ path: ['plugins', name, 'grant'], value: grant }]
      : []),
  ];
}

const removeCommand: Command = {
  path: ['plugin', 'rm'],
  summary: 'Take a plugin out of the configuration and its lock; its files stay',
  usage: 'NAME',
  examples: ['alknet plugin rm --help'],
  arguments: [1, 1],
  completes: 'plugins',
  run: async (context) => {
    context.localOnly('plugin rm');
    const configPath = requireConfig(context);
    const name = context.args[0] ?? '';
    const entry = (await context.config())?.config.plugins[name];
    if (entry === undefined) {
      throw new CliError(Exit.NOT_FOUND, `there is no plugin ${name} in the configuration`, {
        code: 'PLUGIN_NOT_FOUND',
        hint: 'alknet plugin list',
      });
    }
    await changeConfig(context, [{ path: ['plugins', name], value: undefined }]);
    const lock = lockPath(dirname(configPath));
    if (Object.hasOwn(await readLock(lock), name)) await writeLockEntry(lock, name, undefined);
    const left = entry.use === undefined ? '' : `; its files are left in ${entry.use}`;
    context.out.result({ name, use: entry.use ?? null }, `removed ${name}${left}`);
    return undefined;
  },
};

export const addCommands: readonly Command[] = [addCommand, removeCommand];

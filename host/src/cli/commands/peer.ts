/**
 * `alknet peer`: who may come in.
 *
 * @module
 */

import { readFile } from 'node:fs/promises';
import { dial } from '../../client.ts';
import { parseAddress } from '../../config/index.ts';
import { DialError } from '../../endpoint/index.ts';
import { normaliseFingerprint, type PeerEntry, peerIdFault } from '../../identity/index.ts';
import type { Command, Option } from '../command.ts';
import type { Context } from '../context.ts';
import { CliError, Exit, usage } from '../exit.ts';
import { table } from '../output.ts';
import { changeAndWait, entriesOf, existing, parseWhen, replaced } from '../peers-change.ts';
import { confirm, isInteractive } from '../prompt.ts';

const entryOptions: readonly Option[] = [
  { name: 'fingerprint', value: 'F', repeat: true, help: 'key: ed25519:…, SHA256:… or an ssh key line' },
  { name: 'ssh-key', value: 'FILE', repeat: true, help: 'file with an ssh public key' },
  { name: 'scope', value: 'S', repeat: true, help: 'right to give' },
  { name: 'resource', value: 'TYPE=VALUE', repeat: true, help: 'static grant on a resource' },
  { name: 'name', value: 'TEXT', help: 'name for people' },
  { name: 'expires', value: 'WHEN', help: 'time, or span such as 90d' },
];

interface Change {
  readonly fingerprints: string[];
  readonly scopes: string[];
  readonly resources: [string, string][];
  readonly addresses: string[];
  readonly displayName: string | undefined;
  readonly expiresAt: string | undefined;
}

/** The line of an ssh public key. @throws CliError exit 2 */
async function sshKeyOf(path: string, option: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw usage(`${option}: ${path} cannot be read: ${error.code}`);
  });
  return text.trim();
}

async function changeOf(context: Context, addresses: readonly string[]): Promise<Change> {
  const keys = await Promise.all(context.values('ssh-key').map((path) => sshKeyOf(path, '--ssh-key')));
  const expires = context.value('expires');
  return {
    fingerprints: [...context.values('fingerprint'), ...keys].map(normaliseFingerprint),
    scopes: [...context.values('scope')],
    resources: context.values('resource').map((text) => {
      const at = text.indexOf('=');
      if (at < 1) throw usage(`--resource: expected TYPE=VALUE, found ${JSON.stringify(text)}`);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
    addresses: addresses.map((text) => {
      if (!/^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):\d{1,5}$/.test(text))
        throw usage(`address: expected host:port, found ${JSON.stringify(text)}`);
      return text;
    }),
    displayName: context.value('name'),
    expiresAt: expires === undefined ? undefined : parseWhen(expires),
  };
}

function applied(entry: PeerEntry, change: Change): PeerEntry {
  const resources: Record<string, readonly string[]> = { ...entry.resources };
  for (const [type, word] of change.resources) resources[type] = union(resources[type] ?? [], [word]);
  const addresses = union(entry.addresses ?? [], change.addresses);
  return {
    ...entry,
    fingerprints: union(entry.fingerprints, change.fingerprints),
    scopes: union(entry.scopes, change.scopes),
    resources,
    ...(addresses.length === 0 ? {} : { addresses }),
    ...(change.displayName === undefined ? {} : { displayName: change.displayName }),
    ...(change.expiresAt === undefined ? {} : { expiresAt: change.expiresAt }),
  };
}

const union = (a: readonly string[], b: readonly string[]) => [...new Set([...a, ...b])];

function checkId(id: string): void {
  const fault = peerIdFault(id);
  if (fault !== undefined) throw usage(`peer id ${JSON.stringify(id)}: ${fault}`);
}

/** The key that stands at an address, confirmed by a person. */
async function keyAt(address: string): Promise<string> {
  if (!isInteractive()) {
    throw usage('a peer is known by its key', 'give --fingerprint, which `alknet status` shows on that node');
  }
  const { host, port } = parseAddress(address);
  try {
    await dial({ name: address, addresses: [{ host, port }], pins: [] }, 'alknet/call', { ca: true });
    throw usage(`${address} shows a certificate of an authority; give its --fingerprint`);
  } catch (error) {
    const found = error instanceof DialError ? /ed25519:[0-9a-f]{64}/.exec(error.message)?.[0] : undefined;
    if (found === undefined) throw error;
    process.stderr.write(`${address} shows ${found}\n`);
    if (!(await confirm('Is it the one that `alknet status` shows on that node?', false))) {
      throw new CliError(Exit.AUTH, 'not confirmed; nothing was added');
    }
    return found;
  }
}

const addCommand: Command = {
  path: ['peer', 'add'],
  summary: 'Let somebody in',
  usage: 'ID [ADDR …]',
  options: entryOptions,
  examples: [
    'alknet peer add bob --fingerprint ed25519:e78c2766a792f09bfccb51493968ac322283e8d021a30063784d806929762ecc --scope clock:read',
  ],
  arguments: [1, Number.POSITIVE_INFINITY],
  run: async (context) => {
    const [id = '', ...addresses] = context.args;
    checkId(id);
    const change = await changeOf(context, addresses);
    const [address] = addresses;
    if (change.fingerprints.length === 0 && address !== undefined)
      change.fingerprints.push(await keyAt(address));
    let made: PeerEntry | undefined;
    await changeAndWait(context, (entries) => {
      if (entries.some((entry) => entry.id === id)) {
        throw new CliError(Exit.CONFLICT, `there is a peer ${id} already`, {
          code: 'PEER_EXISTS',
          hint: `alknet peer set ${id}`,
        });
      }
      made = applied(
        {
          id,
          fingerprints: [],
          scopes: [],
          resources: {},
          enabled: true,
          createdAt: new Date().toISOString(),
        },
        change,
      );
      return [...entries, made];
    });
    if (change.fingerprints.length === 0)
      context.out.warn(`peer ${id} has no key yet; give it one, or a token: alknet token new ${id}`);
    context.out.result(made, `added ${id}`);
    return undefined;
  },
};

const setCommand: Command = {
  path: ['peer', 'set'],
  summary: 'Change an entry',
  usage: 'ID [ADDR …]',
  options: [
    ...entryOptions,
    { name: 'remove-fingerprint', value: 'F', repeat: true, help: 'key to take away' },
    { name: 'remove-ssh-key', value: 'K', repeat: true, help: 'ssh key to take away: its line, or its file' },
    { name: 'remove-scope', value: 'S', repeat: true, help: 'right to take away' },
    { name: 'remove-resource', value: 'T=V', repeat: true, help: 'grant to take away' },
    { name: 'remove-address', value: 'A', repeat: true, help: 'address to take away' },
  ],
  examples: ['alknet peer set operator --name "The operator"'],
  arguments: [1, Number.POSITIVE_INFINITY],
  completes: 'entries',
  run: async (context) => {
    const [id = '', ...addresses] = context.args;
    const change = await changeOf(context, addresses);
    const sshKeys = await Promise.all(
      context
        .values('remove-ssh-key')
        .map((key) => (/^ssh-\S+ /.test(key) ? key : sshKeyOf(key, '--remove-ssh-key'))),
    );
    const gone = {
      fingerprints: [...context.values('remove-fingerprint'), ...sshKeys].map(normaliseFingerprint),
      scopes: context.values('remove-scope'),
      resources: context.values('remove-resource'),
      addresses: context.values('remove-address'),
    };
    let made: PeerEntry | undefined;
    await changeAndWait(context, (entries) =>
      replaced(entries, id, (entry) => {
        const next = applied(entry, change);
        made = {
          ...next,
          fingerprints: next.fingerprints.filter((fingerprint) => !gone.fingerprints.includes(fingerprint)),
          scopes: next.scopes.filter((scope) => !gone.scopes.includes(scope)),
          resources: Object.fromEntries(
            Object.entries(next.resources).map(([type, words]) => [
              type,
              words.filter((word) => !gone.resources.includes(`${type}=${word}`)),
            ]),
          ),
          ...(next.addresses === undefined
            ? {}
            : { addresses: next.addresses.filter((address) => !gone.addresses.includes(address)) }),
        };
        return made;
      }),
    );
    context.out.result(withoutHash(made), `changed ${id}`);
    return undefined;
  },
};

function withoutHash(entry: PeerEntry | undefined) {
  if (entry === undefined) return undefined;
  const { tokenHash, ...rest } = entry;
  return { ...rest, token: tokenHash !== undefined };
}

const listCommand: Command = {
  path: ['peer', 'list'],
  summary: 'Who may come in',
  examples: ['alknet peer list'],
  arguments: [0, 0],
  run: async (context) => {
    const entries = (await entriesOf(context)).map((entry) => withoutHash(entry));
    const rows = entries.flatMap((entry) =>
      entry === undefined
        ? []
        : [
            [
              entry.id,
              entry.enabled ? 'enabled' : 'disabled',
              String(entry.fingerprints.length),
              entry.token ? 'yes' : 'no',
              entry.expiresAt ?? '-',
              entry.scopes.join(' '),
            ],
          ],
    );
    context.out.result(entries, table(['id', 'state', 'keys', 'token', 'expires', 'scopes'], rows));
    return undefined;
  },
};

const showCommand: Command = {
  path: ['peer', 'show'],
  summary: 'One entry, whole',
  usage: 'ID',
  examples: ['alknet peer show operator'],
  arguments: [1, 1],
  completes: 'entries',
  run: async (context) => {
    const entry = withoutHash(existing(await entriesOf(context), context.args[0] ?? ''));
    context.out.result(entry, JSON.stringify(entry, null, 2));
    return undefined;
  },
};

function switchCommand(word: 'enable' | 'disable', summary: string): Command {
  return {
    path: ['peer', word],
    summary,
    usage: 'ID',
    examples: [`alknet peer ${word === 'enable' ? 'enable operator' : 'disable --help'}`],
    arguments: [1, 1],
    completes: 'entries',
    run: async (context) => {
      const id = context.args[0] ?? '';
      await changeAndWait(context, (entries) =>
        replaced(entries, id, (entry) => ({ ...entry, enabled: word === 'enable' })),
      );
      context.out.result({ id, enabled: word === 'enable' }, `${word}d ${id}`);
      return undefined;
    },
  };
}

const removeCommand: Command = {
  path: ['peer', 'rm'],
  summary: 'Take an entry away and end its connections',
  usage: 'ID',
  examples: ['alknet peer rm --help'],
  arguments: [1, 1],
  completes: 'entries',
  run: async (context) => {
    const id = context.args[0] ?? '';
    existing(await entriesOf(context), id);
    if (!(await confirm(`remove peer ${id} and end its connections?`, context.yes)))
      throw new CliError(Exit.FAILED, 'not removed');
    await changeAndWait(context, (entries) => {
      existing(entries, id);
      return entries.filter((entry) => entry.id !== id);
    });
    context.out.result({ removed: true, id }, `removed ${id}`);
    return undefined;
  },
};

export const peerCommands: readonly Command[] = [
  addCommand,
  setCommand,
  listCommand,
  showCommand,
  switchCommand('enable', 'Let an entry in again'),
  switchCommand('disable', 'Keep an entry out and end its connections'),
  removeCommand,
];

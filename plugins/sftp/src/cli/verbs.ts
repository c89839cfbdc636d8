/**
 * What `alknet sftp PEER` does itself.
 *
 * @module
 */

import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { CallError, type CommandContext } from '@alknet/sdk';
import type { SftpClient } from '../client/client.ts';
import type { Attributes, Name } from '../codec/index.ts';
import { get, isDirectory, put, type TreeOptions } from './trees.ts';

type Verb = (client: SftpClient, words: readonly string[], context: CommandContext) => Promise<void>;

const verbs: Readonly<Record<string, Verb>> = {
  async ls(client, words, context) {
    const [path = '.'] = operands('ls [PATH]', words, 0, 1);
    const found = isDirectory(await client.stat(path))
      ? await client.list(path)
      : [{ name: Buffer.from(path), longName: Buffer.from(path), attributes: await client.stat(path) }];
    found.sort((one, other) => Buffer.compare(one.name, other.name));
    for (const each of found) context.item(facts(each), each.longName.toString());
  },

  async stat(client, words, context) {
    const [path = '.'] = operands('stat PATH', words, 1, 1);
    const found = facts({ name: Buffer.from(path), attributes: await client.lstat(path) });
    const lines = Object.entries(found).map(([key, value]) => `${key.padEnd(8)} ${value}`);
    context.result(found, lines.join('\n'));
  },

  async rm(client, words) {
    for (const path of operands('rm PATH …', words, 1)) {
      if (isDirectory(await client.lstat(path))) await client.removeDirectory(path);
      else await client.remove(path);
    }
  },

  async mkdir(client, words) {
    for (const path of operands('mkdir PATH …', words, 1)) await client.makeDirectory(path);
  },

  async mv(client, words) {
    const [from = '', to = ''] = operands('mv FROM TO', words, 2, 2);
    await client.rename(from, to);
  },

  async get(client, words, context) {
    const { paths, options } = transfer('get [-r] [--resume] REMOTE [LOCAL]', words, context);
    const [remote = '', local = basename(remote)] = paths;
    await get(client, remote, local, options);
  },

  async put(client, words, context) {
    const { paths, options } = transfer('put [-r] [--resume] LOCAL [REMOTE]', words, context);
    const [local = '', remote = basename(local)] = paths;
    await put(client, local, remote, options);
  },
};

export const verbNames = Object.keys(verbs);

export const isVerb = (word: string): boolean => Object.hasOwn(verbs, word);

/** @throws SftpError, CallError */
export async function runVerb(
  client: SftpClient,
  verb: string,
  words: readonly string[],
  context: CommandContext,
): Promise<void> {
  await verbs[verb]?.(client, words, context);
}

function operands(usage: string, words: readonly string[], least: number, most = Number.POSITIVE_INFINITY) {
  const paths = words[0] === '--' ? words.slice(1) : words;
  if (paths.length < least || paths.length > most)
    throw new CallError('INVALID_INPUT', `expected ${usage}, found ${paths.length} words`);
  return paths;
}

function transfer(usage: string, words: readonly string[], context: CommandContext) {
  const { values, positionals } = parsed(usage, words);
  const paths = operands(usage, positionals, 1, 2);
  const options: TreeOptions = {
    recursive: values.recursive ?? false,
    resume: values.resume ?? false,
    signal: context.signal,
    onProgress: progress(context),
  };
  return { paths, options };
}

function parsed(usage: string, words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      allowPositionals: true,
      options: { recursive: { type: 'boolean', short: 'r' }, resume: { type: 'boolean' } },
    });
  } catch (error) {
    throw new CallError(
      'INVALID_INPUT',
      `expected ${usage}: ${error instanceof Error ? error.message : error}`,
    );
  }
}

/** Milliseconds between two looks at what is through. */
const drawn = 100;

/** Drawn on a terminal alone. */
function progress({ json }: CommandContext): TreeOptions['onProgress'] {
  if (json || !process.stderr.isTTY) return () => {};
  let last = 0;
  return (path, done, total) => {
    const now = performance.now();
    if (done < total && now - last < drawn) return;
    last = now;
    const share = total === 0 ? 100 : Math.floor((100 * done) / total);
    process.stderr.write(`\r${path} ${share} %${done < total ? '' : '\n'}`);
  };
}

/** As JSON; the members that the node told. */
function facts({ name, attributes }: Pick<Name, 'name' | 'attributes'>) {
  const { size, permissions, owner, times }: Attributes = attributes;
  return {
    name: name.toString(),
    ...(size !== undefined && { size: Number(size) }),
    ...(permissions !== undefined && { mode: (permissions & 0o7777).toString(8).padStart(4, '0') }),
    ...(owner !== undefined && { uid: owner.uid, gid: owner.gid }),
    ...(times !== undefined && { modified: new Date(times.mtime * 1000).toISOString() }),
  };
}

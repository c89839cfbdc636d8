/**
 * Files and trees there and back. A file has a temporary name until it is whole, and that is what is resumed.
 *
 * @module
 */

import { mkdir, readdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CallError } from '@alknet/sdk';
import { type SftpClient, SftpError } from '../client/client.ts';
import { download, upload } from '../client/transfer.ts';
import { type Attributes, StatusCode } from '../codec/index.ts';

export interface TreeOptions {
  readonly recursive: boolean;
  readonly resume: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (path: string, done: number, total: number) => void;
}

/** Behind the name of a file that is not whole. */
const partial = '.alknet-part';
const typeBits = 0o170000;
const directory = 0o040000;
const regular = 0o100000;

const typeOf = ({ permissions = regular }: Attributes): number => permissions & typeBits;
export const isDirectory = (attributes: Attributes): boolean => typeOf(attributes) === directory;

/** @throws SftpError, CallError */
export async function get(
  client: SftpClient,
  remote: string,
  local: string,
  options: TreeOptions,
): Promise<void> {
  const found = await client.stat(remote);
  if (!isDirectory(found)) return getFile(client, remote, await intoDirectory(local, remote), options);
  if (!options.recursive) throw needsRecursive(remote);
  await mkdir(local, { recursive: true });
  for (const { name, attributes } of await client.list(remote)) {
    const text = name.toString();
    // What a node names must stay below where the user wants it.
    if (text.includes('/') || text === '..' || text === '.' || text.includes('\0'))
      throw new CallError('SFTP_FAILED', `the node told the name ${JSON.stringify(text)}`);
    const type = typeOf(attributes);
    const [from, to] = [`${remote}/${text}`, join(local, text)];
    if (type === directory) await get(client, from, to, options);
    else if (type === regular) await getFile(client, from, to, options);
  }
}

async function getFile(
  client: SftpClient,
  remote: string,
  local: string,
  options: TreeOptions,
): Promise<void> {
  const part = local + partial;
  const { resume, signal } = options;
  await download(client, remote, part, {
    resume,
    signal,
    onProgress: (done, total) => options.onProgress(local, done, total),
  });
  await rename(part, local);
}

/** @throws SftpError, CallError */
export async function put(
  client: SftpClient,
  local: string,
  remote: string,
  options: TreeOptions,
): Promise<void> {
  const found = await stat(local);
  if (!found.isDirectory()) return putFile(client, local, remote, options);
  if (!options.recursive) throw needsRecursive(local);
  await client.makeDirectory(remote).catch(async (error: unknown) => {
    if (!isDirectory(await client.stat(remote))) throw error;
  });
  for (const entry of await readdir(local, { withFileTypes: true })) {
    const [from, to] = [join(local, entry.name), `${remote}/${entry.name}`];
    if (entry.isDirectory()) await put(client, from, to, options);
    else if (entry.isFile()) await putFile(client, from, to, options);
  }
}

async function putFile(
  client: SftpClient,
  local: string,
  remote: string,
  options: TreeOptions,
): Promise<void> {
  const part = remote + partial;
  const { resume, signal } = options;
  await upload(client, local, part, {
    resume,
    signal,
    onProgress: (done, total) => options.onProgress(local, done, total),
  });
  if (client.extensions.has('posix-rename@openssh.com')) return client.replace(part, remote);
  await client.remove(remote).catch((error: unknown) => {
    if (!(error instanceof SftpError) || error.code !== StatusCode.NO_SUCH_FILE) throw error;
  });
  await client.rename(part, remote);
}

async function intoDirectory(local: string, remote: string): Promise<string> {
  const found = await stat(local).catch(() => undefined);
  return found?.isDirectory() ? join(local, remote.slice(remote.lastIndexOf('/') + 1)) : local;
}

function needsRecursive(path: string): CallError {
  return new CallError('INVALID_INPUT', `${path} is a directory: add -r`);
}

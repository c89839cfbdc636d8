/**
 * The SSH host key of a node, learnt over a connection on which the node has proved its own key, and kept in a
 * known-hosts file of alknet's own. `docs/spec/cli.md` 10.
 *
 * @module
 */

import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CallError, type Connection } from '@alknet/sdk';
import { createSession } from '@alknet/sdk/call';

export interface PinnedHostKey {
  /** `<z32>.alknet`, by which ssh looks the key up. */
  readonly alias: string;
  /** The SSH blob. */
  readonly key: Buffer;
  readonly knownHosts: string;
}

/** The node shows another key than the one that stands in the file. Ends like a node key that is not the pinned one. */
export class HostKeyChangedError extends Error {
  override readonly name = 'DialError';
  readonly code = 'PeerMismatch';

  constructor(alias: string, file: string, found: string, known: string) {
    super(
      `the SSH host key of ${alias} is ssh-ed25519 ${found}, and ${file} has ssh-ed25519 ${known}; if the node was made anew, take that line out`,
    );
  }
}

/** `connection` is one on `alknet/call`; it is closed. @throws CallError, HostKeyChangedError */
export async function pinHostKey(connection: Connection, dataDir: string): Promise<PinnedHostKey> {
  const alias = `${zBase32(nodeKey(connection))}.alknet`;
  const session = createSession(connection);
  let key: string;
  try {
    const answer: unknown = await session.call('ssh/hostkey', {}, { timeoutMs: 10_000 });
    key = keyIn(answer);
  } finally {
    session.close();
  }
  const directory = join(dataDir, 'ssh');
  const knownHosts = join(directory, 'known_hosts');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const known = knownKey(await readFile(knownHosts, 'utf8').catch(() => ''), alias);
  if (known !== undefined && known !== key) throw new HostKeyChangedError(alias, knownHosts, key, known);
  if (known === undefined) await appendFile(knownHosts, `${alias} ssh-ed25519 ${key}\n`, { mode: 0o600 });
  return { alias, key: Buffer.from(key, 'base64'), knownHosts };
}

/** 64 hex digits of the key that the node has proved. */
function nodeKey({ auth }: Connection): string {
  const [, hex] = /^ed25519:([0-9a-f]{64})$/.exec(auth.fingerprint ?? '') ?? [];
  if (hex === undefined)
    throw new CallError(
      'NO_NODE_KEY',
      'the node has shown no key of its own; name it by its key or as host#pin',
    );
  return hex;
}

function keyIn(answer: unknown): string {
  const key = typeof answer === 'object' && answer !== null && 'key' in answer ? answer.key : undefined;
  if (typeof key !== 'string' || !/^[A-Za-z0-9+/]+=*$/.test(key))
    throw new CallError('INTERNAL', 'ssh/hostkey: expected { key }, found something else');
  return key;
}

function knownKey(text: string, alias: string): string | undefined {
  for (const line of text.split('\n')) {
    const [host, type, key] = line.split(' ');
    if (host === alias && type === 'ssh-ed25519') return key;
  }
  return undefined;
}

const digits = 'ybndrfg8ejkmcpqxot1uwisza345h769';

/** Of hex digits; 256 bits are 52 characters, the last four bits filled with zeros. `docs/spec/identity.md` 3. */
function zBase32(hex: string): string {
  const bits = [...hex].map((digit) => Number.parseInt(digit, 16).toString(2).padStart(4, '0')).join('');
  return (bits.match(/.{1,5}/g) ?? [])
    .map((group) => digits[Number.parseInt(group.padEnd(5, '0'), 2)])
    .join('');
}

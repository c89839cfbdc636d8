/**
 * The users of a SOCKS listener, from a file of lines `user:password`. `docs/spec/ssh.md` 8.4.
 *
 * @module
 */

import { createHash, timingSafeEqual } from 'node:crypto';
import type { Checked } from '../client/socks5.ts';
import { readPrivateFile } from './private-file.ts';
import { wrongInput } from './tunnel-error.ts';

/** RFC 1929 2: bytes of a name or a password. */
const mostBytes = 255;

/** @throws CallError for a file that others can read, or that holds anything else; without what it holds */
export async function readSocksUsers(path: string): Promise<Checked> {
  const lines = (await readPrivateFile(path, '--socks-auth')).split(/\r?\n/);
  const users = lines.flatMap((line, index) => {
    if (line === '') return [];
    const colon = line.indexOf(':');
    const user = line.slice(0, Math.max(0, colon));
    const password = line.slice(colon + 1);
    if (![user, password].every((text) => text !== '' && Buffer.byteLength(text) <= mostBytes))
      throw wrongInput(
        `--socks-auth: ${path}, line ${index + 1}: expected user:password, of 1 to ${mostBytes} bytes each`,
      );
    return [digest(user, password)];
  });
  if (users.length === 0) throw wrongInput(`--socks-auth: ${path}: expected lines user:password, found none`);
  return (user, password) => {
    const shown = digest(user, password);
    // Every one is compared: the time tells neither how much of it was right nor who is known.
    let found = false;
    for (const known of users) found = timingSafeEqual(known, shown) || found;
    return found;
  };
}

/** Of one length for all, which `timingSafeEqual` needs. A colon divides: a user name has none. */
function digest(user: string, password: string): Buffer {
  return createHash('sha256').update(`${user.length}:${user}:${password}`).digest();
}

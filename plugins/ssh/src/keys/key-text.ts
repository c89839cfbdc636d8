/**
 * Keys that a person writes: text, or `@/path` of a file with it. `docs/spec/ssh.md` 3.3.
 *
 * @module
 */

import { readFileSync } from 'node:fs';
import { type AuthorizedKey, AuthorizedKeyError, parseAuthorizedKey } from '@alknet/sdk';
import { type PublicKey, parsePublicKey } from './public-key.ts';

/** A line with its key read. */
export interface KeyLine extends AuthorizedKey {
  readonly key: PublicKey;
}

/** @throws AuthorizedKeyError that says what was expected */
export function readKeyLine(text: string): KeyLine {
  const line = parseAuthorizedKey(text.startsWith('@/') ? fileText(text.slice(1)) : text);
  try {
    return { ...line, key: parsePublicKey(line.blob) };
  } catch (error) {
    throw new AuthorizedKeyError(`the ${line.type} key is not usable: ${message(error)}`);
  }
}

/** One key, and no options in front of it. @throws AuthorizedKeyError */
export function readPlainKey(text: string): PublicKey {
  const { key, options } = readKeyLine(text);
  const { from, permitOpen, permitListen, pty, forwarding, command, expiresAt } = options;
  const none =
    from.length + permitOpen.length + permitListen.length === 0 &&
    pty &&
    forwarding &&
    command === undefined &&
    expiresAt === undefined;
  if (!none) throw new AuthorizedKeyError('options have no place here; expected type and key alone');
  return key;
}

function fileText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new AuthorizedKeyError(`${path} cannot be read: ${message(error)}`);
  }
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

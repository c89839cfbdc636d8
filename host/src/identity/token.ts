/**
 * Bearer tokens: made, hashed, and looked up without telling by time which one was nearly right.
 * `docs/spec/identity.md` 5.
 *
 * @module
 */

import { hash as digestOf, randomBytes, timingSafeEqual } from 'node:crypto';

const form = /^alk_[A-Za-z0-9_-]{22,252}$/;

/** 256 bits. */
export function makeToken(): string {
  return `alk_${randomBytes(32).toString('base64url')}`;
}

export function isToken(text: string): boolean {
  return form.test(text);
}

/** What is stored: `sha256:` and 64 hex digits, over the whole token. */
export function tokenHash(token: string): string {
  return `sha256:${digestOf('sha256', token, 'hex')}`;
}

/** The digest inside a stored hash. */
export function hashBytes(hash: string): Buffer {
  return Buffer.from(hash.slice('sha256:'.length), 'hex');
}

/**
 * The entry whose hash is that of the token. Every entry is compared, in constant time, and the search does not stop at
 * a match.
 */
export function findByToken<Entry>(
  token: string,
  entries: readonly { hash: Buffer; entry: Entry }[],
): Entry | undefined {
  if (!isToken(token)) return undefined;
  const digest = digestOf('sha256', token, 'buffer');
  let found: Entry | undefined;
  for (const { hash, entry } of entries) if (timingSafeEqual(digest, hash)) found = entry;
  return found;
}

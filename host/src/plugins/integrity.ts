/**
 * One text for the content of many files. `docs/spec/config.md` 8. Pure.
 *
 * @module
 */

import { createHash } from 'node:crypto';

/** What a file held when it was read. */
export interface ContentDigest {
  /** Bytes. */
  readonly size: number;
  /** 32 bytes. */
  readonly sha256: Buffer;
}

export interface FileDigest extends ContentDigest {
  /** With `/`, relative to what the files belong to. */
  readonly path: string;
}

export function contentDigest(bytes: Uint8Array): ContentDigest {
  return { size: bytes.length, sha256: createHash('sha256').update(bytes).digest() };
}

export function sameContent(a: ContentDigest, b: ContentDigest): boolean {
  return a.size === b.size && a.sha256.equals(b.sha256);
}

/** `sha256-` + base64. The order in which the files come plays no part. */
export function integrityOf(files: readonly FileDigest[]): string {
  const hash = createHash('sha256');
  for (const { path, size, sha256 } of [...files].sort(byPath))
    hash.update(`${path}\0${size}\0`).update(sha256);
  return `sha256-${hash.digest('base64')}`;
}

/** That of no files: what a plugin has as `modules` that brings everything in its package. */
export const noFiles = integrityOf([]);

/** Byte order; two copies of one module under one name in that of their content. */
function byPath(a: FileDigest, b: FileDigest): number {
  return Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)) || a.sha256.compare(b.sha256);
}

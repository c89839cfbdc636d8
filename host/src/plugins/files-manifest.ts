/**
 * `alknet.files.json`: the digest of each file of a packed package. Integrity follows from it, so that a package that
 * was changed can say where. `docs/spec/config.md` 8.
 *
 * @module
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Type } from '@alknet/sdk';
import { fit } from '../config/fit.ts';
import { type FileDigest, integrityOf, sameContent } from './integrity.ts';
import { filesFile } from './package-files.ts';

const schema = Type.Object(
  {
    format: Type.Literal('alknet-plugin-files'),
    version: Type.Literal(1),
    files: Type.Record(
      Type.String(),
      Type.Object(
        {
          size: Type.Integer({ minimum: 0 }),
          sha256: Type.String({ pattern: '^[0-9a-f]{64}$', expects: '64 hexadecimal digits' }),
        },
        { additionalProperties: false, expects: 'an object' },
      ),
    ),
  },
  { expects: 'an object' },
);

/** The text of the file. */
export function filesManifest(files: readonly FileDigest[]): string {
  const rows = [...files]
    .sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)))
    .map(({ path, size, sha256 }) => [path, { size, sha256: sha256.toString('hex') }]);
  const content = { format: 'alknet-plugin-files', version: 1, files: Object.fromEntries(rows) };
  return `${JSON.stringify(content, null, 2)}\n`;
}

/** `undefined` when the package has none; `null` when it is not one of this format. */
export async function readFilesManifest(
  directory: string,
): Promise<readonly FileDigest[] | null | undefined> {
  const text = await readFile(join(directory, filesFile), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const { value, findings } = fit(JSON.parse(text), schema, directory);
    if (findings.length > 0) return null;
    const { files } = value as { files: Record<string, { size: number; sha256: string }> };
    return Object.entries(files).map(([path, { size, sha256 }]) => ({
      path,
      size,
      sha256: Buffer.from(sha256, 'hex'),
    }));
  } catch {
    return null;
  }
}

/**
 * Which files are not as they were when `expected` was taken, each with what became of it: nothing when the manifest
 * cannot tell, because the package has none or it is of another state.
 */
export async function changedFiles(
  directory: string,
  files: readonly FileDigest[],
  expected: string,
): Promise<readonly string[]> {
  const recorded = await readFilesManifest(directory);
  if (!recorded || integrityOf(recorded) !== expected) return [];
  return differences(recorded, files);
}

/** Each as `<path> was changed`, `was added` or `is missing`. */
export function differences(recorded: readonly FileDigest[], found: readonly FileDigest[]): string[] {
  const before = new Map(recorded.map((digest) => [digest.path, digest]));
  const now = new Map(found.map((digest) => [digest.path, digest]));
  const lines: string[] = [];
  for (const [path, digest] of before) {
    const other = now.get(path);
    if (other === undefined) lines.push(`${path} is missing`);
    else if (!sameContent(digest, other)) lines.push(`${path} was changed`);
  }
  for (const path of now.keys()) if (!before.has(path)) lines.push(`${path} was added`);
  return lines;
}

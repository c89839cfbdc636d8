/**
 * `alknet.lock.json`: what the operator took when he added a plugin. `docs/spec/config.md` 8.
 *
 * @module
 */

import { randomBytes } from 'node:crypto';
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Type } from '@alknet/sdk';
import { fit } from '../config/fit.ts';
import { pluginName } from '../config/plugin-schema.ts';
import { pointerOf } from '../config/problems.ts';
import { syncDirectory, withLock } from '../vault/index.ts';

export interface LockEntry {
  /** Name of the package. */
  readonly package: string;
  readonly version: string;
  readonly integrity: string;
  readonly modules: string;
  /** Key of the signature that the package had. */
  readonly signer?: string;
  /** RFC 3339. */
  readonly lockedAt: string;
}

/** The file is none of this format. */
export class LockFormatError extends Error {
  override readonly name = 'LockFormatError';
}

/** Beside the configuration. */
export const lockPath = (directory: string) => join(directory, 'alknet.lock.json');

const integrity = Type.String({
  pattern: '^sha256-[A-Za-z0-9+/]{43}=$',
  expects: '"sha256-" and base64 of 32 bytes',
});

const schema = Type.Object(
  {
    format: Type.Literal('alknet-lock'),
    version: Type.Literal(1),
    plugins: Type.Record(
      Type.String(pluginName),
      Type.Object(
        {
          package: Type.String(),
          version: Type.String(),
          integrity,
          modules: integrity,
          signer: Type.Optional(
            Type.String({
              pattern: '^ed25519:[0-9a-f]{64}$',
              expects: '"ed25519:" and 64 hexadecimal digits',
            }),
          ),
          lockedAt: Type.String(),
        },
        { additionalProperties: false, expects: 'an object' },
      ),
    ),
  },
  { additionalProperties: false, expects: 'an object' },
);

export type LockEntries = Readonly<Record<string, LockEntry>>;

/** None when there is no file. @throws LockFormatError */
export async function readLock(path: string): Promise<LockEntries> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    if (code === 'ENOENT') return {};
    throw new LockFormatError(`${path}: cannot be read: ${code}`);
  }
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new LockFormatError(`${path}: expected JSON: ${error instanceof Error ? error.message : ''}`);
  }
  const { value, findings } = fit(content, schema, dirname(path));
  const [finding] = findings;
  if (finding !== undefined)
    throw new LockFormatError(`${path}: ${pointerOf(finding.path)} ${finding.message}`);
  return (value as { plugins: LockEntries }).plugins;
}

/** Sets one entry, or takes it out; the others stay. @throws LockFormatError */
export async function writeLockEntry(
  path: string,
  plugin: string,
  entry: LockEntry | undefined,
): Promise<void> {
  await withLock(`${path}.lock`, async () => {
    const { [plugin]: _before, ...others } = await readLock(path);
    const plugins = entry === undefined ? others : { ...others, [plugin]: entry };
    const sorted = Object.fromEntries(Object.entries(plugins).sort(([a], [b]) => (a < b ? -1 : 1)));
    const text = JSON.stringify({ format: 'alknet-lock', version: 1, plugins: sorted }, null, 2);
    await replace(path, `${text}\n`);
  });
}

async function replace(path: string, text: string): Promise<void> {
  const mode = await stat(path).then(
    (stats) => stats.mode & 0o777,
    () => 0o644,
  );
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  const file = await open(temporary, 'wx', mode);
  try {
    await file.writeFile(text);
    await file.sync();
    await file.close();
    await rename(temporary, path);
  } catch (error) {
    await file.close().catch(() => {});
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

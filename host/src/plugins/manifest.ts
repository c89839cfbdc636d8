/**
 * The manifest of a plugin: the field `alknet` of its `package.json`, read before any of its code runs.
 * `docs/spec/config.md` 6.2.
 *
 * @module
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Requests, type Static, Type } from '@alknet/sdk';
import { fit } from '../config/fit.ts';
import { grantSchema, pluginName } from '../config/plugin-schema.ts';
import { pointerOf } from '../config/problems.ts';
import { type ContentDigest, contentDigest } from './integrity.ts';
import { PluginError } from './plugin-error.ts';

const manifestSchema = Type.Object(
  {
    plugin: Type.String({
      pattern: '^(?!/)(?!.*\\.\\.).+\\.(js|mjs|ts|mts)$',
      expects: 'a module inside the package that ends in .js, .mjs, .ts or .mts',
    }),
    name: Type.String(pluginName),
    alpns: Type.Array(
      Type.String({
        pattern: '^[\\x21-\\x7e]{1,64}$',
        expects: 'an ALPN of 1 to 64 visible ASCII characters',
      }),
      { default: [] },
    ),
    requests: Type.Unsafe<Requests>({ ...grantSchema, default: {} }),
    sdk: Type.Optional(Type.String({ expects: 'a semver range such as "^0.1.0"' })),
  },
  { additionalProperties: false, expects: 'an object' },
);

export type Manifest = Static<typeof manifestSchema>;

export interface PackageFacts {
  readonly directory: string;
  readonly name: string;
  readonly version: string;
  readonly manifest: Manifest;
  /** All of `package.json`, and what its file held when it was read. */
  readonly content: Readonly<Record<string, unknown>>;
  readonly digest: ContentDigest;
}

/** `undefined` when there is no `package.json` with the field. @throws PluginError when the field is malformed */
export async function readManifest(directory: string): Promise<PackageFacts | undefined> {
  const path = join(directory, 'package.json');
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch {
    return undefined;
  }
  return manifestOf(bytes, directory);
}

/** The same from what `package.json` in that directory holds. @throws PluginError */
export function manifestOf(bytes: Buffer, directory: string): PackageFacts | undefined {
  const path = join(directory, 'package.json');
  let content: unknown;
  try {
    content = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new PluginError(`${path}: expected JSON`, { cause });
  }
  if (typeof content !== 'object' || content === null || !('alknet' in content)) return undefined;
  const { value, findings } = fit(content.alknet, manifestSchema, directory);
  const [finding] = findings;
  if (finding !== undefined) {
    throw new PluginError(`${path}: alknet${pointerOf(finding.path)}: ${finding.message}`);
  }
  const fields = content as Record<string, unknown>;
  const { name, version } = fields;
  if (typeof version !== 'string') throw new PluginError(`${path}: version: expected text, found none`);
  return {
    directory,
    name: typeof name === 'string' ? name : directory,
    version,
    manifest: value as Manifest,
    content: fields,
    digest: contentDigest(bytes),
  };
}

/**
 * Packages of plugins, made, looked at and signed. No code of a plugin runs here. `docs/spec/config.md` 8.
 *
 * @module
 */

import { mkdtemp, readFile, realpath, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, normalize } from 'node:path';
import type { IdentityKey } from '../identity/index.ts';
import { ArchiveError, type ArchiveFile, readArchive, writeArchive, writeFiles } from './archive.ts';
import { bundlePlugin } from './bundle.ts';
import { type CodeOrigin, codeOrigin } from './code-origin.ts';
import { differences, filesManifest, readFilesManifest } from './files-manifest.ts';
import { contentDigest, type FileDigest, integrityOf } from './integrity.ts';
import { type PackageFacts, readManifest } from './manifest.ts';
import { filesFile, packageFiles, signatureFile } from './package-files.ts';
import { PluginError } from './plugin-error.ts';
import { type Located, locatePlugin } from './resolve.ts';
import { selfContained } from './self-contained.ts';
import { checkSignature, type SignatureCheck, signPackage } from './signature.ts';

/** What a package says of itself, compared with what it is. */
export interface Verified {
  readonly facts: PackageFacts;
  readonly integrity: string;
  /** How many. */
  readonly files: number;
  readonly signature: SignatureCheck;
  /** Why it is not what it says of itself. */
  readonly faults: readonly string[];
}

/** @throws PluginError when it is no package of a plugin */
export async function verifyDirectory(directory: string): Promise<Verified> {
  const facts = await factsOf(directory);
  const { files, integrity } = await codeOrigin({ facts, root: directory }, new Map());
  return { facts, integrity, files: files.length, ...(await checked(directory, facts, files, integrity)) };
}

/** @throws ArchiveError when it is no archive that can be read, PluginError when it is none of a plugin */
export async function verifyArchive(bytes: Buffer): Promise<Verified> {
  const files = await readArchive(bytes);
  return await unpacked(files, async (directory) => {
    const verified = await verifyDirectory(directory);
    const known = new Set(await packageFiles(directory, verified.facts.content));
    const faults = files
      .filter(({ path }) => !known.has(path) && path !== signatureFile && path !== filesFile)
      .map(({ path }) => `${path} is no part of the package: npm pack would not take it`);
    return { ...verified, faults: [...faults, ...verified.faults] };
  });
}

async function checked(
  directory: string,
  { manifest: { name }, version }: PackageFacts,
  files: readonly FileDigest[],
  integrity: string,
): Promise<Pick<Verified, 'signature' | 'faults'>> {
  const signature = await checkSignature(directory, { name, version, integrity });
  const recorded = await readFilesManifest(directory);
  const faults =
    recorded === undefined
      ? []
      : recorded === null
        ? [`${filesFile}: expected digests of the files, found nothing that can be read`]
        : differences(recorded, files).map((line) => `${filesFile}: ${line}`);
  return { signature, faults: signature.state === 'bad' ? [...faults, signature.fault] : faults };
}

/** A package with all that can be known of it without running it. */
export interface Examined extends Pick<Verified, 'facts' | 'signature' | 'faults'> {
  readonly located: Located;
  readonly origin: CodeOrigin;
  /** Absolute paths of what was bundled. */
  readonly inputs: readonly string[];
}

/** @throws PluginError when it is no package of a plugin, or cannot be bundled */
export async function examine(directory: string): Promise<Examined> {
  const { name } = (await factsOf(directory)).manifest;
  const located = await locatePlugin(name, directory, '/');
  const { inputs, files } = await bundlePlugin(name, located.entry);
  const origin = await codeOrigin(located, inputs);
  const facts = located.facts ?? (await factsOf(directory));
  const { integrity } = origin;
  return {
    facts,
    located,
    origin,
    inputs: files,
    ...(await checked(directory, facts, origin.files, integrity)),
  };
}

async function factsOf(directory: string): Promise<PackageFacts> {
  const facts = await readManifest(directory);
  if (facts === undefined)
    throw new PluginError(`${join(directory, 'package.json')}: expected a field "alknet", found none`);
  return facts;
}

export interface PackOptions {
  /** Make one module of plugin and dependencies, so that the package brings all that runs. */
  readonly bundle?: boolean;
  readonly key?: IdentityKey;
}

export interface Packed {
  readonly bytes: Buffer;
  readonly name: string;
  readonly package: string;
  readonly version: string;
  readonly integrity: string;
  readonly files: readonly string[];
  /** Names of packages that have to be installed beside it. */
  readonly dependencies: readonly string[];
}

/** @throws PluginError */
export async function packPlugin(
  directory: string,
  { bundle = false, key }: PackOptions = {},
): Promise<Packed> {
  const root = await realpath(directory);
  const facts = await factsOf(root);
  const paths = await packageFiles(root, facts.content);
  const entry = normalize(facts.manifest.plugin);
  if (!paths.includes(entry)) {
    throw new PluginError(
      `${join(root, entry)}: npm pack would not take the module of the plugin; name it in "files" of package.json`,
    );
  }
  const secret = paths.find((path) => nodeFiles.has(basename(path)));
  if (secret !== undefined) {
    throw new PluginError(
      `${join(root, secret)} is a file of a node, which nobody else may have; name what belongs to the package in "files" of package.json`,
    );
  }
  const own = await Promise.all(paths.map((path) => packedFile(root, path)));
  const made = bundle ? await selfContained(facts, join(root, entry)) : [];
  const replaced = new Set(made.map(({ path }) => path));
  return await finished([...own.filter(({ path }) => !replaced.has(path)), ...made], key);
}

/** Of a data directory that was made inside a package. */
const nodeFiles = new Set([
  'vault.json',
  'vault.key',
  'secrets.json',
  'operator.key',
  'peers.json',
  'store.db',
]);

async function packedFile(root: string, path: string): Promise<ArchiveFile> {
  const file = join(root, path);
  const { mode } = await stat(file);
  return { path, bytes: await readFile(file), executable: (mode & 0o100) !== 0 };
}

/** The same package with another signature; of an archive that somebody else made too. @throws ArchiveError, PluginError */
export async function signArchive(bytes: Buffer, key: IdentityKey): Promise<Packed> {
  const files = await readArchive(bytes);
  return await finished(
    files.filter(({ path }) => path !== signatureFile && path !== filesFile),
    key,
  );
}

/** As whoever unpacks it will find it: that is what is signed. */
async function finished(files: readonly ArchiveFile[], key: IdentityKey | undefined): Promise<Packed> {
  return await unpacked(files, async (directory) => {
    const facts = await factsOf(directory);
    const paths = await packageFiles(directory, facts.content);
    const extra = files.filter(({ path }) => !paths.includes(path)).map(({ path }) => path);
    if (extra.length > 0)
      throw new ArchiveError(
        `${extra.join(', ')}: npm pack would not take it, and so it is no part of the package`,
      );
    const digests = files.map(({ path, bytes }) => ({ path, ...contentDigest(bytes) }));
    const integrity = integrityOf(digests);
    const { name } = facts.manifest;
    const { version } = facts;
    const text = (path: string, content: string) => ({
      path,
      bytes: Buffer.from(content),
      executable: false,
    });
    const more = [
      text(filesFile, filesManifest(digests)),
      ...(key === undefined ? [] : [text(signatureFile, signPackage({ name, version, integrity }, key))]),
    ];
    return {
      bytes: writeArchive([...files, ...more]),
      name,
      package: facts.name,
      version,
      integrity,
      files: [...paths].sort(),
      dependencies: dependenciesOf(facts),
    };
  });
}

/** What has to be installed beside it; the SDK is the host's. */
export function dependenciesOf({ content }: PackageFacts): string[] {
  const { dependencies } = content;
  if (typeof dependencies !== 'object' || dependencies === null) return [];
  return Object.keys(dependencies).filter((name) => name !== '@alknet/sdk');
}

/** Runs `work` on the files in a directory of their own, which is removed then. */
export async function unpacked<Result>(
  files: readonly ArchiveFile[],
  work: (directory: string) => Promise<Result>,
): Promise<Result> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'alknet-package-')));
  try {
    await writeFiles(files, directory);
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/**
 * `alknet plugin pack`, `sign` and `verify`: a plugin on its way from its author to an operator.
 *
 * @module
 */

import { readFile, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type IdentityKey, operatorKeyPath, readOperatorKey } from '../../identity/index.ts';
import {
  type Packed,
  packPlugin,
  publicKeyText,
  publisherOf,
  signArchive,
  signatureFile,
  signPackage,
  type Verified,
  verifyArchive,
  verifyDirectory,
} from '../../plugins/index.ts';
import type { Command } from '../command.ts';
import type { Context } from '../context.ts';
import { CliError, Exit, usage } from '../exit.ts';

const packCommand: Command = {
  path: ['plugin', 'pack'],
  summary: 'Make an archive of a plugin: the same bytes wherever it is made',
  usage: '[DIR]',
  options: [
    { name: 'bundle', help: 'put its dependencies into it, which a node with trust.mode "signed" asks for' },
    { name: 'sign', value: 'KEYFILE', help: 'sign it with that OpenSSH Ed25519 key' },
    { name: 'output', short: 'o', value: 'FILE', help: 'where to; default: NAME-VERSION.tgz here' },
  ],
  examples: ['alknet plugin new acme-pack && alknet plugin pack acme-pack -o acme-pack.tgz'],
  arguments: [0, 1],
  run: async (context) => {
    context.localOnly('plugin pack');
    const keyFile = context.value('sign');
    const key = keyFile === undefined ? undefined : await keyIn(context, keyFile, '--sign');
    const packed = await packPlugin(resolve(context.args[0] ?? '.'), {
      bundle: context.has('bundle'),
      ...(key === undefined ? {} : { key }),
    });
    const file = context.value('output') ?? archiveName(packed);
    await writeFile(file, packed.bytes);
    if (packed.dependencies.length > 0) {
      context.out.warn(
        `it needs ${packed.dependencies.join(', ')} installed beside it; a node with trust.mode "signed" refuses that: alknet plugin pack --bundle`,
      );
    }
    told(context, file, packed, key);
    return undefined;
  },
};

/** As npm names it. */
function archiveName({ package: name, version }: Packed): string {
  return `${name.replace(/^@/, '').replaceAll('/', '-')}-${version}.tgz`;
}

function told(
  context: Context,
  file: string,
  { name, version, integrity, files, dependencies }: Packed,
  key: IdentityKey | undefined,
): void {
  const signer = key === undefined ? null : publicKeyText(key);
  context.out.result(
    { file, name, version, integrity, files, dependencies, signer },
    `${file}\n  ${name} ${version}, ${files.length} files\n  integrity ${integrity}\n  signed by ${signer ?? 'nobody'}\n`,
  );
}

const signCommand: Command = {
  path: ['plugin', 'sign'],
  summary: 'Sign the archive or the directory of a plugin, by default with the operator key',
  usage: '[FILE|DIR]',
  options: [
    { name: 'key', value: 'KEYFILE', help: 'OpenSSH Ed25519 key; default: operator.key of this node' },
    { name: 'output', short: 'o', value: 'FILE', help: 'where to; default: in its place' },
  ],
  examples: ['alknet plugin new acme-sign && alknet plugin sign acme-sign'],
  arguments: [0, 1],
  run: async (context) => {
    context.localOnly('plugin sign');
    const path = resolve(context.args[0] ?? '.');
    const key = await signingKey(context);
    if (!(await isDirectory(path))) {
      const packed = await signArchive(await readFile(path), key);
      const file = context.value('output') ?? path;
      await writeFile(file, packed.bytes);
      told(context, file, packed, key);
      return undefined;
    }
    const { facts, integrity } = await verifyDirectory(path);
    const { name } = facts.manifest;
    const file = context.value('output') ?? join(path, signatureFile);
    await writeFile(file, signPackage({ name, version: facts.version, integrity }, key));
    if (Array.isArray(facts.content['files']) && !facts.content['files'].includes(signatureFile))
      context.out.warn(`npm pack leaves ${signatureFile} out; add it to "files" of package.json`);
    const signer = publicKeyText(key);
    context.out.result(
      { file, name, version: facts.version, integrity, signer },
      `${file}\n  ${name} ${facts.version}\n  integrity ${integrity}\n  signed by ${signer}\n`,
    );
    return undefined;
  },
};

async function signingKey(context: Context): Promise<IdentityKey> {
  const given = context.value('key');
  if (given !== undefined) return await keyIn(context, given, '--key');
  const path = operatorKeyPath(await context.dataDir());
  const key = await readOperatorKey(path, (message) => context.out.warn(message));
  if (key !== undefined) return key;
  throw usage(
    `there is no operator key at ${path}; give --key`,
    "alknet init, or: ssh-keygen -t ed25519 -N '' -f publisher.key",
  );
}

async function keyIn(context: Context, path: string, option: string): Promise<IdentityKey> {
  const key = await readOperatorKey(path, (message) => context.out.warn(message));
  if (key === undefined) throw usage(`${option}: there is no file ${path}`);
  return key;
}

const verifyCommand: Command = {
  path: ['plugin', 'verify'],
  summary: 'Whether the archive or directory of a plugin is what its signature and its digests say',
  usage: 'FILE|DIR',
  options: [{ name: 'key', value: 'KEY', help: 'the key that must have signed it: ed25519:…' }],
  examples: ['alknet plugin new acme-seal && alknet plugin sign acme-seal && alknet plugin verify acme-seal'],
  arguments: [1, 1],
  run: async (context) => {
    context.localOnly('plugin verify');
    const path = resolve(context.args[0] ?? '');
    const wanted = context.value('key')?.toLowerCase();
    if (wanted !== undefined && !/^ed25519:[0-9a-f]{64}$/.test(wanted))
      throw usage(`--key: expected "ed25519:" and 64 hexadecimal digits, found ${JSON.stringify(wanted)}`);
    const verified = (await isDirectory(path))
      ? await verifyDirectory(path)
      : await verifyArchive(await readFile(path));
    const { facts, integrity, files, signature } = verified;
    const [fault] = faultsOf(verified, wanted);
    if (fault !== undefined) {
      throw new CliError(Exit.INTEGRITY, `${context.args[0]}: ${fault}`, {
        code: 'INTEGRITY',
        details: { faults: faultsOf(verified, wanted), integrity },
        reason: faultsOf(verified, wanted).slice(1).join('; ') || 'it is not what its author packed',
      });
    }
    const key = signature.state === 'good' ? signature.key : undefined;
    // Whose key it is, is told where it can be; a broken configuration is no fault of the package.
    const trust = (await context.config().catch(() => undefined))?.config.trust;
    const publisher = key === undefined || trust === undefined ? undefined : publisherOf(key, trust)?.name;
    const { name } = facts.manifest;
    const by =
      key === undefined
        ? 'nobody: nothing says who made it'
        : `${key} (${publisher ?? 'no publisher of this node'})`;
    context.out.result(
      {
        name,
        package: facts.name,
        version: facts.version,
        integrity,
        files,
        signer: key ?? null,
        publisher: publisher ?? null,
      },
      `${name} ${facts.version}, ${files} files\n  integrity ${integrity}\n  signed by ${by}\n`,
    );
    return undefined;
  },
};

function faultsOf({ faults, signature }: Verified, wanted: string | undefined): readonly string[] {
  if (wanted === undefined || signature.state === 'bad') return faults;
  const found = signature.state === 'good' ? signature.key : 'no signature';
  return found === wanted ? faults : [...faults, `expected a signature by ${wanted}, found ${found}`];
}

/** @throws CliError exit 7 when there is nothing */
async function isDirectory(path: string): Promise<boolean> {
  const stats = await stat(path).catch(() => undefined);
  if (stats === undefined) throw new CliError(Exit.NOT_FOUND, `there is no ${path}`, { code: 'NOT_FOUND' });
  return stats.isDirectory();
}

export const packCommands: readonly Command[] = [packCommand, signCommand, verifyCommand];

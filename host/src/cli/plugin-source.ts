/**
 * Where `alknet plugin add` gets a plugin from: a directory, which stays where it is, or an archive, a file or one of
 * the package registry, which is unpacked beside the configuration. `docs/spec/cli.md` 9.
 *
 * @module
 */

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { dependenciesOf, manifestOf, readArchive, verifyDirectory, writeFiles } from '../plugins/index.ts';
import type { Context } from './context.ts';
import { CliError, Exit } from './exit.ts';

export interface PluginSource {
  /** Where it can be looked at. */
  readonly directory: string;
  /** Puts it where it stays; what `use` of its entry says. */
  install(): Promise<string>;
  /** Takes away what was unpacked and not installed. */
  discard(): Promise<void>;
}

/** @throws CliError, ArchiveError, PluginError */
export async function pluginSource(
  context: Context,
  spec: string,
  configPath: string,
): Promise<PluginSource> {
  const home = dirname(configPath);
  const path = resolve(spec);
  const stats = await stat(path).catch(() => undefined);
  if (stats?.isDirectory()) {
    const directory = await realpath(path);
    return { directory, install: async () => useOf(home, path), discard: async () => {} };
  }
  if (stats?.isFile()) return await fromArchive(await readFile(path), home);
  if (/^[./~]/.test(spec) || /\.t(ar\.)?gz$/.test(spec))
    throw new CliError(Exit.NOT_FOUND, `there is no ${path}`, { code: 'NOT_FOUND' });
  return await fromArchive(await context.out.during(`fetching ${spec}`, () => fetched(context, spec)), home);
}

/** As the configuration writes it: a path that begins with `.`, or an absolute one. */
function useOf(home: string, path: string): string {
  const way = relative(home, path);
  if (isAbsolute(way)) return path;
  return way.startsWith('..') ? way : `./${way}`;
}

async function fromArchive(bytes: Buffer, home: string): Promise<PluginSource> {
  const files = await readArchive(bytes);
  const manifest = files.find(({ path }) => path === 'package.json');
  const facts = manifest && manifestOf(manifest.bytes, '');
  if (facts === undefined)
    throw new CliError(Exit.USAGE, 'it is no plugin: its package.json has no field "alknet"', {
      code: 'NO_PLUGIN',
    });
  const plugins = join(home, 'plugins');
  // On the file system where it will stay, and under a name that is nobody's.
  const staging = join(plugins, `.adding-${randomBytes(6).toString('hex')}`);
  const discard = () => rm(staging, { recursive: true, force: true });
  try {
    await mkdir(plugins, { recursive: true, mode: 0o755 });
    await writeFiles(files, staging);
    if (dependenciesOf(facts).length > 0) await installDependencies(staging);
  } catch (error) {
    await discard();
    throw error;
  }
  const install = async () => {
    const directory = await place(plugins, staging, `${facts.manifest.name}-${facts.version}`);
    return useOf(home, directory);
  };
  return { directory: await realpath(staging), install, discard };
}

/** Versions stand beside each other: the one that runs is not changed under its feet. */
async function place(plugins: string, staging: string, name: string): Promise<string> {
  const { integrity } = await verifyDirectory(staging);
  for (const suffix of ['', ...Array.from({ length: 99 }, (_, index) => `.${index + 1}`)]) {
    const directory = join(plugins, name + suffix);
    if (!existsSync(directory)) {
      await rename(staging, directory);
      return directory;
    }
    const same = await verifyDirectory(directory).catch(() => undefined);
    // Its dependencies may be others by now.
    if (same?.integrity === integrity && !existsSync(join(directory, 'node_modules'))) return directory;
  }
  throw new CliError(Exit.CONFLICT, `there are too many copies of ${name} in ${plugins}; remove some`, {
    code: 'TOO_MANY_COPIES',
  });
}

/** No script of a package runs: nobody has agreed to that. */
const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];

async function fetched(context: Context, spec: string): Promise<Buffer> {
  if (spec.startsWith('-')) throw new CliError(Exit.USAGE, `${spec} is no package`, { code: 'USAGE' });
  const directory = await mkdtemp(join(tmpdir(), 'alknet-fetch-'));
  try {
    await npm(['pack', spec, '--pack-destination', directory, ...quiet], directory, context.signal);
    const [file] = await readdir(directory);
    if (file === undefined) throw new CliError(Exit.NOT_FOUND, `npm has no ${spec}`, { code: 'NOT_FOUND' });
    return await readFile(join(directory, file));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function installDependencies(directory: string): Promise<void> {
  // The SDK, a peer of plugins, is the host's.
  const options = ['--omit=dev', '--omit=peer', '--legacy-peer-deps', '--no-package-lock', '--no-save'];
  await npm(['install', ...options, ...quiet], directory);
}

async function npm(args: readonly string[], cwd: string, signal?: AbortSignal): Promise<void> {
  const child = spawn('npm', args, {
    cwd,
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(signal ? { signal } : {}),
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (said.length < 4096) said += text;
  });
  const failed = (reason: string) =>
    new CliError(Exit.FAILED, `npm ${args[0]} failed`, {
      code: 'NPM_FAILED',
      reason,
      hint: 'the same with an archive: alknet plugin add FILE.tgz',
    });
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) throw failed(said.trim().split('\n').slice(0, 3).join('; ') || `it ended with ${code}`);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      throw failed('there is no npm on PATH');
    throw error;
  }
}

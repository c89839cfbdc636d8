/**
 * The machine under the node: runtime, native modules, clock, open files, disk, programs.
 *
 * @module
 */

import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, readFile, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { readPeers } from '../../identity/index.ts';
import { type Check, fail, ok, type Patient, reason, warn } from './check.ts';

const require = createRequire(import.meta.url);
const { engines } = require('../../../package.json') as { engines: { node: string } };

export function runtime(found: string = process.versions.node): Check {
  const wanted = engines.node.replace(/^>=/, '');
  return isBelow(found, wanted)
    ? fail('runtime', `Node.js ${wanted} or later is needed, this is ${found}`, 'install a newer Node.js')
    : ok('runtime', `Node.js ${found}`);
}

/** Whether version `a` is older than `b`; missing parts count as 0. */
function isBelow(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => text.split('.').map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (left?.[i] ?? 0) - (right?.[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

export async function nativeModules(): Promise<Check> {
  const names = ['@matrixai/quic/native/index.js', 'libsql', 'esbuild'];
  const broken: string[] = [];
  for (const name of names) {
    await import(name).catch((error: unknown) => broken.push(`${name}: ${reason(error).split('\n')[0]}`));
  }
  return broken.length === 0
    ? ok('native modules', 'QUIC, store and bundler load')
    : fail(
        'native modules',
        broken.join('; '),
        'install again for this platform and Node.js: npm install, without --omit=optional',
      );
}

/** Seconds that file times may be ahead of the clock. */
const skew = 5;

/** Expiry of peers, tokens and certificates rests on the clock. */
export async function clock({ dataDir }: Patient): Promise<Check> {
  const remedy = 'set the clock of this machine, and keep it with NTP: timedatectl set-ntp true';
  const probe = join(tmpdir(), `alknet-clock-${process.pid}`);
  try {
    await writeFile(probe, '', { flag: 'wx', mode: 0o600 });
    const drift = ((await stat(probe)).mtimeMs - Date.now()) / 1000;
    if (Math.abs(drift) > skew)
      return fail('clock', `the file system is ${Math.round(drift)} s off the clock`, remedy);
  } catch (error) {
    return warn('clock', `cannot be compared with the file system: ${reason(error)}`, 'free the disk');
  } finally {
    await rm(probe, { force: true });
  }
  const ahead = Date.now() + skew * 1000;
  for (const name of ['vault.json', 'peers.json', 'secrets.json', 'operator.key']) {
    const file = await stat(join(dataDir, name)).catch(() => undefined);
    if (file !== undefined && file.mtimeMs > ahead)
      return fail('clock', `${name} was changed in the future, at ${file.mtime.toISOString()}`, remedy);
  }
  const { entries } = await readPeers(dataDir).catch(() => ({ entries: [] }));
  const early = entries.find(({ createdAt }) => Date.parse(createdAt) > ahead);
  if (early !== undefined)
    return fail('clock', `peer ${early.id} was made in the future, at ${early.createdAt}`, remedy);
  return ok('clock', new Date().toISOString());
}

/** Node.js raises its own limit to the hard one. */
export async function openFiles({ config }: Patient): Promise<Check> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '');
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(limits)?.[1];
  if (hard === undefined) return ok('open files', 'this system does not tell its limit');
  const limit = hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard);
  const remedy = 'raise it: ulimit -n 65536, or LimitNOFILE=65536 in the systemd unit';
  if (limit < 256) return fail('open files', `${hard} are too few for a node`, remedy);
  const wanted = (config?.config.limits.connections ?? 4096) + 64;
  return limit < wanted
    ? warn('open files', `${hard} are fewer than limits.connections and a margin, ${wanted}`, remedy)
    : ok('open files', hard);
}

const mebibyte = 1024 * 1024;

export async function disk({ dataDir }: Patient): Promise<Check> {
  const volume = await statfs(dataDir).catch(() => undefined);
  if (volume === undefined) return ok('disk', 'no data directory yet');
  const free = volume.bavail * volume.bsize;
  const message = `${Math.floor(free / mebibyte)} MiB free`;
  const remedy = `free space on the volume of ${dataDir}`;
  if (free < 64 * mebibyte) return fail('disk', message, remedy);
  return free < 1024 * mebibyte ? warn('disk', message, remedy) : ok('disk', message);
}

const run = promisify(execFile);

export async function git(): Promise<Check> {
  const remedy = 'install git 2.39 or later; the git plugin and alknet:// URLs need it';
  try {
    const { stdout } = await run('git', ['--version'], { timeout: 5000 });
    const version = /\d+(?:\.\d+)+/.exec(stdout)?.[0] ?? '0';
    return isBelow(version, '2.39')
      ? fail('git', `${version} is older than 2.39`, remedy)
      : ok('git', version);
  } catch {
    return warn('git', 'not found', remedy);
  }
}

export async function program(name: string, remedy: string): Promise<Check> {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    if (directory === '') continue;
    const path = join(directory, name);
    if (
      await access(path, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return ok(name, path);
  }
  return warn(name, 'not on PATH', remedy);
}

/**
 * Where a run was made: without it a figure means nothing.
 *
 * @module
 */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, release, type as systemName, totalmem } from 'node:os';
import { isInstalled, packageName } from './currentspace.ts';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  /** GiB */
  readonly memory: number;
  readonly system: string;
  readonly node: string;
  readonly openssl: string;
  readonly packages: Readonly<Record<string, string>>;
}

const measured = [
  '@alknet/host',
  '@matrixai/quic',
  '@grpc/grpc-js',
  'ws',
  ...(isInstalled ? [packageName] : []),
];

export function machine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memory: Math.round(totalmem() / 2 ** 30),
    system: `${systemName()} ${release()}`,
    node: process.versions.node,
    openssl: process.versions.openssl,
    packages: Object.fromEntries(measured.map((name) => [name, versionOf(name)])),
  };
}

/** Not every package exports its package.json, so it is looked for where Node would look. */
function versionOf(name: string): string {
  for (const folder of createRequire(import.meta.url).resolve.paths(name) ?? []) {
    try {
      const { version } = JSON.parse(readFileSync(`${folder}/${name}/package.json`, 'utf8')) as {
        version: string;
      };
      return version;
    } catch {}
  }
  return 'not installed';
}

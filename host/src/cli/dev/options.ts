/**
 * What `alknet dev` is told on the command line.
 *
 * @module
 */

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Context } from '../context.ts';
import { usage } from '../exit.ts';
import { readSecretInput } from '../secret-file.ts';
import { isPlugin, type Target, targetOf } from './targets.ts';

export interface DevOptions {
  readonly targets: readonly Target[];
  /** The author's configuration. */
  readonly basePath: string | undefined;
  readonly isolation: string | undefined;
  readonly secrets: ReadonlyMap<string, string>;
  /** 0: the system chooses. */
  readonly port: number;
  readonly keep: boolean;
}

/** @throws CliError exit 2, PluginError of a malformed manifest */
export async function devOptions(context: Context): Promise<DevOptions> {
  const port = portOf(context.value('port'));
  const isolation = isolationOf(context.value('isolation'));
  const basePath = baseConfig(context);
  const targets = await targetsOf(context.args, basePath);
  const secrets = await secretsOf(context.values('secret'));
  return { targets, basePath, isolation, secrets, port, keep: context.has('keep') };
}

/** Named, or the one of this directory; none that would be found elsewhere. */
function baseConfig(context: Context): string | undefined {
  const named = context.value('config');
  if (named !== undefined) return resolve(named);
  const here = resolve('alknet.config.json');
  return existsSync(here) ? here : undefined;
}

async function targetsOf(args: readonly string[], basePath: string | undefined): Promise<Target[]> {
  const wanted = args.length > 0 ? args : (await isPlugin(process.cwd())) ? ['.'] : [];
  if (wanted.length === 0 && basePath === undefined) {
    throw usage(
      'there is no plugin here: expected a package.json with the field "alknet"',
      'alknet dev DIRECTORY, or alknet dev FILE.ts',
    );
  }
  return await Promise.all(wanted.map(targetOf));
}

/** Those of `--secret NAME=FILE`. @throws CliError exit 2 */
export async function secretsOf(texts: readonly string[]): Promise<Map<string, string>> {
  const secrets = new Map<string, string>();
  for (const text of texts) {
    const [, name, file] = /^([^=]+)=(.+)$/.exec(text) ?? [];
    if (name === undefined || file === undefined)
      throw usage(`--secret: expected NAME=FILE, found ${JSON.stringify(text)}`);
    secrets.set(name, (await readSecretInput(file, '--secret')).replace(/\r?\n$/, ''));
  }
  return secrets;
}

function portOf(text = '0'): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535)
    throw usage(`--port: expected a number from 0 to 65535, found ${JSON.stringify(text)}`);
  return Number(text);
}

/** That of `--isolation`. @throws CliError exit 2 */
export function isolationOf(text: string | undefined): 'inline' | 'worker' | undefined {
  if (text !== undefined && text !== 'inline' && text !== 'worker')
    throw usage(`--isolation: expected inline or worker, found ${JSON.stringify(text)}`);
  return text;
}

/** A real daemon with an export, in a folder of its own. */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Daemon, made, type Place, up } from '../../../host/test/e2e/support.ts';

export const command = fileURLToPath(new URL('../../../host/bin/alknet.js', import.meta.url));

export interface Node extends Place {
  readonly daemon: Daemon;
  readonly share: string;
  readonly env: NodeJS.ProcessEnv;
  /** As `sftp -D` takes it. */
  readonly program: string;
}

/** A daemon whose operator has the export `share`. `ssh`: the configuration of that plugin. */
export async function node(t: TestContext, ssh: object = {}): Promise<Node> {
  const here = await made(t);
  const share = join(here.folder, 'share');
  await mkdir(share);
  await here.ok(['peer', 'set', 'operator', '--resource', 'sftp=share']);
  const config = (await here.read('alknet.config.json'))
    .replace('"sftp": true', `"sftp": { "config": { "exports": ["share:${share}:rw"] } }`)
    .replace('"ssh": true', `"ssh": { "config": ${JSON.stringify(ssh)} }`);
  await here.write('alknet.config.json', config);
  const daemon = await up(here);
  const { PATH } = process.env;
  const env = { PATH, HOME: here.folder };
  const program = `${process.execPath} ${command} pipe local alknet/sftp`;
  return { ...here, daemon, share, env, program };
}

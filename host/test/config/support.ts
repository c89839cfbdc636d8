import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { ConfigError, configFromBytes, type LoadedConfig, type Problem } from '../../src/config/index.ts';

export { until as eventually } from '../eventually.ts';

export const nowhere = { cwd: '/', env: { HOME: '/home/nobody' }, uid: 1000 };

export async function temporary(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'alknet-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

export async function configFile(t: TestContext, text: string): Promise<string> {
  const path = join(await temporary(t), 'alknet.config.json');
  await writeFile(path, text);
  return path;
}

export function accepted(text: string): LoadedConfig {
  return configFromBytes('/etc/node/alknet.config.json', Buffer.from(text), { surroundings: nowhere });
}

export function refused(text: string | Uint8Array): readonly Problem[] {
  try {
    configFromBytes('/etc/node/alknet.config.json', Buffer.from(text), { surroundings: nowhere });
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems;
  }
  assert.fail('the configuration was taken');
}

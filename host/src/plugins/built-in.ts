/**
 * The plugins that come with the host, by name. They are part of its own installation: whoever may change them may change
 * the host, so nothing of them is judged. `docs/spec/config.md` 6.1.
 *
 * @module
 */

import type { Plugin } from '@alknet/sdk';
import { PluginError, reasonOf } from './plugin-error.ts';

export const builtInNames: readonly string[] = ['call', 'http', 'ssh', 'sftp', 'git', 'dns', 'fs', 'msg'];

export const isBuiltIn = (name: string) => builtInNames.includes(name);

/** The name of a built-in plugin whose package is no part of this build. */
export class NotInThisBuildError extends PluginError {}

/** What `import()` takes. @throws NotInThisBuildError */
export function builtInUrl(name: string): string {
  try {
    return import.meta.resolve(`@alknet/plugin-${name}`);
  } catch {
    throw new NotInThisBuildError(`the plugin "${name}" is not available in this build`);
  }
}

/** Its code alone, for the commands that it contributes: no manifest, no digests of its files. @throws PluginError */
export async function importBuiltIn(name: string): Promise<Plugin> {
  const url = builtInUrl(name);
  try {
    const module: { default: Plugin } = await import(url);
    return module.default;
  } catch (error) {
    throw new PluginError(`${url}: its module threw: ${reasonOf(error)}`, { cause: error });
  }
}

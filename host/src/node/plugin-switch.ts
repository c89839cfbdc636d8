/**
 * A plugin switched on or off by operation: in the configuration file, as the local command does it, or for the time
 * being. `docs/spec/registry.md` 15, `docs/spec/config.md` 15.
 *
 * @module
 */

import { ConfigError, ConfigRaceError, editConfig, type LiveConfig, switchEdit } from '../config/index.ts';
import { isBuiltIn, type PluginState, type PluginSupervisor, UnknownPluginError } from '../plugins/index.ts';

/** The configuration file is as it was. */
export class ConfigNotWritable extends Error {
  override readonly name = 'ConfigNotWritable';
}

export interface PluginSwitch {
  readonly name: string;
  readonly enabled: boolean;
  /** Write it into the file. */
  readonly persist: boolean;
}

/** Resolves with the state that the plugin has come to. @throws UnknownPluginError, ConfigNotWritable, PluginError */
export type SwitchPlugin = (wanted: PluginSwitch) => Promise<PluginState>;

export function pluginSwitch(live: LiveConfig, supervisor: PluginSupervisor): SwitchPlugin {
  return async ({ name, enabled, persist }) => {
    if (!persist) return supervisor.setEnabled(name, enabled);
    const before = live.revision;
    await write(live, name, enabled);
    // With the same bytes as before nothing follows the file: what was switched for the time being still stands.
    if (live.revision === before) return supervisor.setEnabled(name, enabled);
    const { enabled: wanted, state } = await supervisor.settled(name);
    return wanted === enabled ? state : supervisor.setEnabled(name, enabled);
  };
}

async function write(live: LiveConfig, name: string, enabled: boolean): Promise<void> {
  try {
    const { document } = await live.read();
    const edit = switchEdit(document.value as Record<string, unknown>, name, enabled);
    if (edit === undefined && !(enabled && isBuiltIn(name)))
      throw new UnknownPluginError(`there is no plugin ${JSON.stringify(name)} in the configuration`);
    await editConfig(live.path, [edit ?? { path: ['plugins', name], value: enabled }], {
      taken: () => live.reload(),
    });
  } catch (error) {
    if (error instanceof ConfigError || error instanceof ConfigRaceError || isFileError(error))
      throw new ConfigNotWritable(error.message, { cause: error });
    throw error;
  }
}

/** What the operating system refused: a read-only file system, a directory of another user. */
function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}

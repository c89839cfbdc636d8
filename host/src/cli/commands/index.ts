/**
 * Every command of this build, and the names of those that come later.
 *
 * @module
 */

import type { Command } from '../command.ts';
import { CliError, Exit } from '../exit.ts';
import { callCommand, opsCommand, schemaCommand, subscribeCommand } from './call.ts';
import { completionCommand } from './completion.ts';
import { configCommands } from './config.ts';
import { devCommand } from './dev.ts';
import { doctorCommand } from './doctor.ts';
import { initCommand } from './init.ts';
import { peerCommands } from './peer.ts';
import { pipeCommand } from './pipe.ts';
import { pluginCommands } from './plugin.ts';
import { pluginCheckCommand } from './plugin-check.ts';
import { pluginNewCommand } from './plugin-new.ts';
import { secretCommands } from './secret.ts';
import { statusCommand } from './status.ts';
import { tokenCommands } from './token.ts';
import { upCommand } from './up.ts';
import { vaultCommands } from './vault.ts';
import { versionCommand } from './version.ts';

export const commands: readonly Command[] = [
  initCommand,
  upCommand,
  devCommand,
  statusCommand,
  callCommand,
  subscribeCommand,
  opsCommand,
  schemaCommand,
  ...peerCommands,
  ...tokenCommands,
  ...secretCommands,
  ...vaultCommands,
  pluginNewCommand,
  pluginCheckCommand,
  ...pluginCommands,
  pipeCommand,
  doctorCommand,
  ...configCommands,
  completionCommand,
  versionCommand,
];

/** Known names that this build does not have. */
const later = ['dns', 'blob', 'msg'];

export function refuseLater(words: readonly string[]): void {
  const name = later.find((text) => text.split(' ').every((word, i) => words[i] === word));
  if (name !== undefined)
    throw new CliError(Exit.UNSUPPORTED, `alknet ${name} is not available in this build`, {
      code: 'NOT_AVAILABLE',
    });
}

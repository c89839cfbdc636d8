/**
 * What the package adds to `alknet`. `docs/spec/cli.md` 10.
 *
 * @module
 */

import type { PluginCommand } from '@alknet/sdk';
import { sshCommand } from './ssh.ts';

export const commands: readonly PluginCommand[] = [sshCommand];

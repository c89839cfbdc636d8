/**
 * What the package adds to `alknet`. `docs/spec/cli.md` 10.
 *
 * @module
 */

import type { PluginCommand } from '@alknet/sdk';
import { forwardCommand } from './forward.ts';
import { socksCommand } from './socks.ts';
import { sshCommand } from './ssh.ts';

export const commands: readonly PluginCommand[] = [sshCommand, socksCommand, forwardCommand];

/**
 * SSH on `alknet/ssh` and on bare TCP listeners: login, exec, shell, hand-over to sftp and git, forwarding.
 * `docs/spec/ssh.md`.
 *
 * @module
 */

import { definePlugin } from '@alknet/sdk';
import { commands } from './cli/commands.ts';
import { Config } from './config.ts';
import { operations } from './operations.ts';
import { startSsh } from './start.ts';

export default definePlugin({
  name: 'ssh',
  version: '0.1.0',
  alpns: ['alknet/ssh'],
  config: Config,
  requests: {
    secrets: ['ssh.hostKey'],
    dispatch: ['alknet/sftp', 'alknet/git'],
    scopes: ['*'],
    resources: { '*': ['*'] },
  },
  operations,
  contributes: { cli: commands },
  start: startSsh,
});

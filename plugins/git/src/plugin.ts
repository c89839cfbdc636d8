/**
 * Git repositories of the node, served by the real git: on `alknet/git`, to SSH by dispatch, over HTTP by a contributed
 * route, and as operations. `docs/spec/git.md`.
 *
 * @module
 */

import { definePlugin } from '@alknet/sdk';
import { commands } from './cli/commands.ts';
import { gitConfig } from './config.ts';
import { GitNode } from './git-node.ts';
import { gitRoute } from './http/smart-http.ts';
import { release, use } from './operations/current.ts';
import { operations } from './operations/index.ts';

export default definePlugin({
  name: 'git',
  version: '0.1.0',
  alpns: ['alknet/git'],
  config: gitConfig,
  requests: {},
  operations,
  contributes: { http: [gitRoute], cli: commands },
  async start(host) {
    const node = await GitNode.start(host);
    use(node);
    return {
      connection: (connection) => node.connection(connection),
      configure: (config) => node.configure(config),
      async stop() {
        release(node);
        await node.stop();
      },
    };
  },
});

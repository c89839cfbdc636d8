/** A feed of short texts: as operations, on the web, and on the command line. */

import { definePlugin } from '@alknet/sdk';
import { commands } from './commands.ts';
import { Feed } from './feed.ts';
import { operations, useFeed } from './operations.ts';
import { feedRoute, useCaller } from './routes.ts';

export default definePlugin({
  name: 'acme-feed',
  version: '0.1.0',
  requests: { operations: ['acme-feed/list'] },
  operations,
  contributes: { http: [feedRoute], cli: commands },
  start(host) {
    useFeed(new Feed(host.store));
    useCaller(host.operations);
    return {};
  },
});

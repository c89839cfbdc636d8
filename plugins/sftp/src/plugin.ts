/**
 * SFTP version 3 on `alknet/sftp`: every stream is one session, in the exports of the identity at its other end. The
 * subsystem `sftp` of SSH comes here too, by `dispatch`. `docs/spec/sftp.md`.
 *
 * @module
 */

import { definePlugin } from '@alknet/sdk';
import { sftpCommand } from './cli/command.ts';
import { configSchema, idleTimeoutOf } from './config.ts';
import { Exports } from './exports.ts';
import { operations, useParts } from './operations.ts';
import { Sessions } from './sessions.ts';

export default definePlugin({
  name: 'sftp',
  version: '0.1.0',
  alpns: ['alknet/sftp'],
  requests: {},
  config: configSchema,
  operations,
  contributes: { cli: [sftpCommand] },
  async start(host) {
    idleTimeoutOf(host.config);
    const exports = new Exports(host.log);
    await exports.load(host.config.exports);
    let { config } = host;
    const { identity, log } = host;
    const sessions = new Sessions({ exports, identity, log, config: () => config });
    useParts({ exports, sessions });
    return {
      async connection(connection) {
        const serving = new Set<Promise<void>>();
        for await (const stream of connection) {
          const session = sessions.serve(stream, connection);
          serving.add(session);
          void session.finally(() => serving.delete(session));
        }
        await Promise.all(serving);
      },
      async configure(next) {
        idleTimeoutOf(next);
        await exports.load(next.exports);
        config = next;
      },
    };
  },
});

/**
 * HTTP: the operations of the node, and the routes of its plugins, for curl, browsers, OpenAPI and MCP clients.
 * `docs/spec/http.md`.
 *
 * @module
 */

import { type Connection, definePlugin, type Stream, StreamCode } from '@alknet/sdk';
import { configSchema } from './config-schema.ts';
import { operations } from './operations.ts';
import { Http1Server } from './server/http1.ts';
import { Http2Server } from './server/http2.ts';
import { Site } from './site.ts';
import { surfaces } from './surfaces.ts';
import { ConnectionWalk } from './walk.ts';

export default definePlugin({
  name: 'http',
  version: '0.1.0',
  alpns: ['http/1.1', 'h2'],
  config: configSchema,
  requests: {
    gateway: true,
    dispatch: ['*'],
    namespaces: ['*'],
    operations: ['host/status'],
    scopes: ['host:read'],
  },
  operations,
  start: (host) => {
    const site = new Site(host, surfaces);
    const http1 = new Http1Server(site.config.limits);
    const http2 = new Http2Server(site.config.limits);
    return {
      async connection(connection: Connection) {
        const walk = new ConnectionWalk(site, connection);
        const server = connection.alpn === 'h2' ? http2 : http1;
        const serving = new Set<Promise<void>>();
        // On QUIC each stream carries an HTTP connection of its own (`docs/spec/http.md` 2).
        for await (const stream of connection) {
          if (serving.size >= site.config.limits.concurrent) {
            refuse(stream);
            continue;
          }
          const served = server.serve(stream, walk);
          serving.add(served);
          void served.then(() => serving.delete(served));
        }
        await Promise.all(serving);
      },

      async configure(written) {
        const { limits } = await site.configure(written);
        http1.configure(limits);
        http2.configure(limits);
      },

      drain() {
        site.drain();
        http1.drain();
        http2.drain();
      },

      async stop() {
        await site.stop();
        http1.close();
        http2.close();
      },
    };
  },
});

function refuse(stream: Stream): void {
  stream.on('error', () => {});
  stream.destroy(Object.assign(new Error('too many streams'), { streamCode: StreamCode.CANCELLED }));
}

/**
 * `host/connections/*`: what is connected now, and ending it. `docs/spec/registry.md` 15.
 *
 * @module
 */

import { type AnyOperation, CallError, defineOperation, Type } from '@alknet/sdk';
import type { Endpoint } from '../endpoint/index.ts';
import type { Registry } from '../registry/registry.ts';
import {
  adminAccess,
  byCodePoint,
  Count,
  next,
  optional,
  paged,
  paging,
  readAccess,
  recordChange,
  Text,
} from './parts.ts';

const textOrNull = Type.Union([Text, Type.Null()]);

const ConnectionEntry = Type.Object({
  id: Text,
  alpn: Text,
  plugin: textOrNull,
  transport: Text,
  remote: textOrNull,
  peer: textOrNull,
  since: Text,
  streams: Count,
  calls: Type.Integer({ minimum: 0, description: 'requests of the other side that run now' }),
  parent: optional(Text),
});

/** Ids count up in base 36: a longer one is a later one. */
const byAge = (a: string, b: string) => a.length - b.length || byCodePoint(a, b);

/** Milliseconds for the answer to whoever closes the connection that he calls through. */
const farewell = 50;

export function connectionOperations(endpoint: Endpoint, registry: Registry): AnyOperation[] {
  const list = defineOperation({
    name: 'host/connections/list',
    type: 'query',
    access: readAccess,
    input: Type.Object({
      alpn: optional(Text),
      peer: optional(Type.String({ description: 'peer id' })),
      ...paging,
    }),
    output: Type.Object({ connections: Type.Array(ConnectionEntry), next }),
    title: 'Connections',
    description: 'Lists the connections of the node, the oldest first.',
    handler: ({ alpn, peer, ...wanted }) => {
      const rows = endpoint
        .connections()
        .filter((row) => (alpn ?? row.alpn) === row.alpn && (peer ?? row.peer) === row.peer);
      const { page, more } = paged(rows, ({ id }) => id, wanted, byAge);
      const calls = registry.callsByConnection();
      return {
        connections: page.map(({ direction: _own, ...row }) => ({ ...row, calls: calls.get(row.id) ?? 0 })),
        ...more,
      };
    },
  });

  const close = defineOperation({
    name: 'host/connections/close',
    type: 'mutation',
    access: adminAccess,
    destructive: true,
    input: Type.Object({ id: Text, reason: optional(Type.String({ maxLength: 200 })) }),
    output: Type.Object({ closed: Type.Literal(true) }),
    errors: [{ code: 'CONNECTION_NOT_FOUND', httpStatus: 404 }],
    title: 'Close a connection',
    description: 'Ends one connection, and what runs on it.',
    handler: ({ id, reason }, context) => {
      const end = () => endpoint.closeConnection(id, reason);
      const isOwn = context.connection?.id === id;
      if (isOwn) setTimeout(end, farewell).unref();
      else if (!end())
        throw new CallError(
          'CONNECTION_NOT_FOUND',
          `there is no connection ${JSON.stringify(id.slice(0, 80))}`,
        );
      recordChange(context, { connection: id });
      return { closed: true as const };
    },
  });

  return [list, close];
}

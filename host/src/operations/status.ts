/**
 * `host/status`: what a running node says of itself to operators. `docs/spec/registry.md` 15.
 *
 * @module
 */

import { type AnyOperation, defineOperation, type Static, Type } from '@alknet/sdk';
import { optional, readAccess, Text } from './parts.ts';

const Count = Type.Integer({ minimum: 0 });

const Listener = Type.Object({
  transport: Text,
  address: Text,
  alpns: Type.Array(Text),
  state: Text,
  error: optional(Text),
});

const Certificate = Type.Object({
  kind: Type.Union([
    Type.Literal('identity'),
    Type.Literal('file'),
    Type.Literal('acme'),
    Type.Literal('webtransport'),
  ]),
  names: Type.Array(Text),
  // Absent while the first one is ordered.
  notBefore: optional(Text),
  notAfter: optional(Text),
  sha256: optional(Text),
  state: Text,
  error: optional(Text),
});

const PluginState = Type.Object({
  name: Text,
  version: Text,
  state: Text,
  alpns: Type.Array(Text),
  error: optional(Text),
});

const Peer = Type.Object({
  alias: Text,
  id: optional(Text),
  state: Text,
  operations: Count,
  error: optional(Text),
});

const Problem = Type.Object({ where: Text, message: Text, since: Text });

export const NodeStatus = Type.Object({
  id: Text,
  z32: Text,
  name: optional(Text),
  version: Text,
  state: Type.Union([Type.Literal('running'), Type.Literal('draining')]),
  startedAt: Text,
  uptime: Type.Number({ description: 'seconds' }),
  configuration: Type.Object({
    path: Text,
    revision: Text,
    loadedAt: Text,
    restartNeeded: Type.Array(Text),
    error: optional(Text),
  }),
  listeners: Type.Array(Listener),
  certificates: Type.Array(Certificate),
  peersRevision: Text,
  plugins: Type.Array(PluginState),
  peers: Type.Array(Peer),
  connections: Count,
  streams: Count,
  calls: Type.Object({
    running: Count,
    subscriptions: Count,
    byOutcome: Type.Record(Text, Count),
  }),
  refused: Type.Record(Text, Count),
  registryRevision: Text,
  vault: Type.Object({ state: Text, protection: Text }),
  memory: Type.Integer({ description: 'resident bytes of the process' }),
  problems: Type.Array(Problem),
});

export type NodeStatus = Static<typeof NodeStatus>;

export function statusOperation(read: () => NodeStatus): AnyOperation {
  return defineOperation({
    name: 'host/status',
    type: 'query',
    access: readAccess,
    input: Type.Object({}),
    output: NodeStatus,
    title: 'Node status',
    description: 'What this node is, where it listens, what runs on it, and what is wrong.',
    handler: () => read(),
  });
}

/**
 * What others may ask of the running server. No operation tells a destination. `docs/spec/ssh.md` 10.
 *
 * @module
 */

import { createHash } from 'node:crypto';
import { CallError, defineOperation, type Identity, Type } from '@alknet/sdk';
import type { Target } from './forwarding.ts';
import type { LiveConnections } from './live-connections.ts';

/** What a running server lends to its operations. */
export interface OperationParts {
  /** The SSH blob of the host key. */
  readonly hostKey: Buffer;
  readonly connections: LiveConnections;
  /** Remote listeners of a connection. */
  listeners(id: string): number;
  resolvePeer(id: string): Identity | undefined;
  testPolicy(
    identity: Identity,
    kind: 'connect' | 'listen',
    target: Target,
    signal: AbortSignal,
  ): Promise<{ action: 'allow' | 'deny'; rule: number | null; candidates: number }>;
}

let parts: OperationParts | undefined;

/** Called by `start`: operations are declared before anything runs. */
export function useParts(started: OperationParts): void {
  parts = started;
}

function running(): OperationParts {
  if (parts === undefined) throw new CallError('INTERNAL', 'ssh has not started');
  return parts;
}

const nothing = Type.Object({}, { additionalProperties: false });

/** One's own, or with `ssh:admin` everybody's. */
function maySee(identity: Identity | null, peer: string | null | undefined): boolean {
  if (identity === null) return false;
  return identity.scopes.includes('ssh:admin') || peer === identity.id;
}

const hostkey = defineOperation({
  name: 'ssh/hostkey',
  type: 'query',
  access: 'authenticated',
  description: 'Gives the SSH host key of the node, over a connection on which the node has proved its own.',
  input: nothing,
  output: Type.Object({
    type: Type.Literal('ssh-ed25519'),
    key: Type.String({ description: 'base64 of the SSH blob' }),
    fingerprint: Type.String({ description: 'SHA256: as OpenSSH prints it' }),
  }),
  handler: () => {
    const { hostKey } = running();
    const digest = createHash('sha256').update(hostKey).digest('base64').replace(/=+$/, '');
    return { type: 'ssh-ed25519' as const, key: hostKey.toString('base64'), fingerprint: `SHA256:${digest}` };
  },
});

const Session = Type.Object({
  id: Type.String(),
  peer: Type.Union([Type.String(), Type.Null()]),
  addr: Type.Union([Type.String(), Type.Null()]),
  via: Type.String(),
  since: Type.String({ format: 'date-time' }),
  channels: Type.Integer(),
  listeners: Type.Integer(),
});

const list = defineOperation({
  name: 'ssh/sessions/list',
  type: 'query',
  access: 'authenticated',
  description: 'Lists your SSH connections; with ssh:admin those of all.',
  input: nothing,
  output: Type.Object({ sessions: Type.Array(Session) }),
  handler: (_input, { identity }) => {
    const { connections, listeners } = running();
    const seen = [...connections].filter(({ login }) => maySee(identity, login?.peer));
    return {
      sessions: seen.map(({ id, login, source, since, channels }) => ({
        id,
        peer: login?.peer ?? null,
        addr: source.remote?.address ?? null,
        via: source.via,
        since: since.toISOString(),
        channels: channels.size,
        listeners: listeners(id),
      })),
    };
  },
});

const close = defineOperation({
  name: 'ssh/sessions/close',
  type: 'mutation',
  access: 'authenticated',
  description: 'Closes one of your SSH connections; with ssh:admin anybody’s.',
  input: Type.Object({ id: Type.String() }, { additionalProperties: false }),
  output: Type.Object({ closed: Type.Literal(true) }),
  errors: [{ code: 'SESSION_NOT_FOUND', description: 'No such connection, or not yours.', httpStatus: 404 }],
  handler: ({ id }, { identity }) => {
    const connection = running().connections.get(id);
    if (connection === undefined || !maySee(identity, connection.login?.peer))
      throw new CallError('SESSION_NOT_FOUND', `no SSH connection ${id}`);
    connection.end('operator');
    return { closed: true as const };
  },
});

const watch = defineOperation({
  name: 'ssh/sessions/watch',
  type: 'subscription',
  access: 'authenticated',
  description:
    'Tells of your SSH connections as they open, log in and close; with ssh:admin of those of all.',
  input: nothing,
  output: Type.Object({
    event: Type.Union([Type.Literal('open'), Type.Literal('auth'), Type.Literal('close')]),
    id: Type.String(),
    peer: Type.Union([Type.String(), Type.Null()]),
    addr: Type.Union([Type.String(), Type.Null()]),
    at: Type.String({ format: 'date-time' }),
  }),
  async *handler(_input, { identity, signal }) {
    const seen = running().connections.follow(signal);
    for await (const event of seen) if (maySee(identity, event.peer)) yield event;
  },
});

const policyTest = defineOperation({
  name: 'ssh/policy/test',
  type: 'query',
  access: { scopes: ['ssh:admin'] },
  description: 'Says what the forwarding policy would decide, and opens nothing.',
  input: Type.Object(
    {
      peer: Type.String({ description: 'id of a peer' }),
      kind: Type.Union([Type.Literal('connect'), Type.Literal('listen')]),
      target: Type.String({ description: 'host:port, [IPv6]:port or unix:/path' }),
    },
    { additionalProperties: false },
  ),
  output: Type.Object({
    action: Type.Union([Type.Literal('allow'), Type.Literal('deny')]),
    rule: Type.Union([Type.Integer(), Type.Null()]),
    candidates: Type.Integer(),
  }),
  errors: [{ code: 'PEER_NOT_FOUND', description: 'No such peer, or it is disabled.', httpStatus: 404 }],
  handler: async ({ peer, kind, target }, { signal }) => {
    const { resolvePeer, testPolicy } = running();
    const identity = resolvePeer(peer);
    if (identity === undefined) throw new CallError('PEER_NOT_FOUND', `no enabled peer ${peer}`);
    return await testPolicy(identity, kind, targetOf(target), signal);
  },
});

/** What came is not repeated: a target is told to nobody. */
function targetOf(text: string): Target {
  if (text.startsWith('unix:/')) return { kind: 'unix', path: text.slice('unix:'.length) };
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined)
    throw new CallError('INVALID_INPUT', 'target: expected host:port, [IPv6]:port or unix:/path');
  return { kind: 'tcp', host, port: Number(port) };
}

export const operations = [hostkey, list, close, watch, policyTest] as const;

/**
 * `plugins.ssh.config`: what `docs/spec/ssh.md` calls `ssh.<key>`, with the defaults.
 *
 * @module
 */

import { Duration, type Static, Type } from '@alknet/sdk';
import { ForwardPolicySchema } from './forward/policy.ts';

const closed = { additionalProperties: false } as const;

const Count = (fallback: number, description: string) =>
  Type.Integer({ minimum: 1, maximum: 100_000, default: fallback, description });

const Argv = Type.Array(Type.String({ minLength: 1 }), { minItems: 1 });

const UserCa = Type.Object(
  {
    key: Type.String({ description: 'public key line of the CA, or @/path of a file with it' }),
    principals: Type.Optional(Type.Array(Type.String())),
    scopes: Type.Optional(Type.Array(Type.String())),
    resources: Type.Optional(Type.Record(Type.String(), Type.Array(Type.String()))),
    sourceAddress: Type.Optional(Type.Array(Type.String())),
    maxValidity: Type.Optional(Duration({ description: 'longest life of a certificate' })),
  },
  closed,
);

const Revoked = Type.Union([
  Type.String({ pattern: '^(ed25519|ssh-sha256):[0-9a-f]{64}$' }),
  Type.Object(
    {
      ca: Type.String(),
      serial: Type.Union([Type.Integer({ minimum: 0 }), Type.String({ pattern: '^\\d{1,20}$' })]),
    },
    closed,
  ),
  Type.Object({ ca: Type.String(), keyId: Type.String() }, closed),
]);

export const Config = Type.Object(
  {
    listen: Type.Array(Type.String({ pattern: '^(\\[[0-9a-fA-F:.]+\\]|[A-Za-z0-9._-]+):\\d{1,5}$' }), {
      default: [],
      description: 'host:port of bare TCP listeners',
    }),
    ident: Type.String({ pattern: '^[\\x21-\\x2c\\x2e-\\x7e]{1,64}$', default: 'alknet' }),
    banner: Type.Optional(Type.String({ maxLength: 8192 })),
    users: Type.Array(Type.String(), { default: [], description: 'user names that may log in; empty: any' }),
    userCas: Type.Array(UserCa, { default: [] }),
    revoked: Type.Array(Revoked, { default: [] }),
    shell: Type.Object(
      {
        command: Type.Array(Type.String({ minLength: 1 }), { minItems: 1, default: ['/bin/sh', '-l'] }),
        peers: Type.Record(Type.String(), Argv, { default: {} }),
      },
      { ...closed, default: {} },
    ),
    exec: Type.Object(
      {
        shell: Type.Array(Type.String({ minLength: 1 }), { minItems: 1, default: ['/bin/sh', '-c'] }),
        path: Type.Array(Type.String({ pattern: '^/[^:]*$' }), {
          minItems: 1,
          default: ['/usr/local/bin', '/usr/bin', '/bin'],
        }),
      },
      { ...closed, default: {} },
    ),
    cwd: Type.Optional(Type.String({ pattern: '^/' })),
    runAs: Type.Optional(
      Type.Union([
        Type.String({ minLength: 1 }),
        Type.Object({ uid: Type.Integer({ minimum: 0 }), gid: Type.Integer({ minimum: 0 }) }, closed),
      ]),
    ),
    allowRoot: Type.Boolean({ default: false }),
    forward: Type.Object(
      {
        policy: { ...ForwardPolicySchema, default: {} },
        egress: Type.Optional(
          Type.Object(
            {
              url: Type.String({ description: 'socks5://host:port or http://host:port' }),
              credentials: Type.Optional(
                Type.Object(
                  { secret: Type.String({ minLength: 1 }) },
                  { ...closed, description: 'user:password' },
                ),
              ),
            },
            { ...closed, description: 'proxy that all forwarded connections leave through' },
          ),
        ),
      },
      { ...closed, default: {} },
    ),
    loginGrace: Duration({ default: '30s', description: 'time to log in' }),
    maxAuthAttempts: Count(6, 'failed attempts of a connection'),
    maxConnectionsPerAddress: Count(32, 'of an IPv4 address or an IPv6 /64'),
    maxUnauthenticated: Count(8, 'of these not yet logged in'),
    maxChannels: Count(64, 'of a connection'),
    maxListeners: Count(16, 'remote listeners of a connection'),
    maxConnectionsPerIdentity: Count(64, 'logged in as one identity'),
    idleTimeout: Duration({
      default: '1h',
      description: 'without an open channel or traffic on any; 0: never',
    }),
    keepaliveInterval: Duration({ default: '30s', description: '0: never' }),
    keepaliveMisses: Count(3, 'unanswered, then the connection is closed'),
  },
  closed,
);

export type SshConfig = Static<typeof Config>;
export type UserCaConfig = Static<typeof UserCa>;

/**
 * The schema of `peers`, `export` and `trust`. `docs/spec/config.md` 8 and 10.
 *
 * @module
 */

import { Type } from '@alknet/sdk/typebox';
import { closed, either, object, oneOf, secret } from './kinds.ts';
import { resourceType } from './plugin-schema.ts';

const localPattern = Type.String({
  pattern: '^(\\*|[A-Za-z0-9._-]{1,128}(/[A-Za-z0-9._-]{1,128}){0,7}(/\\*)?)$',
  expects: 'a pattern such as docker/list, docker/* or *',
});

const patterns = Type.Array(localPattern, { maxItems: 10_000 });

const importFrom = Type.Object(
  {
    prefix: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9._/-]{1,128}/$',
        expects: 'a prefix that ends in /',
        description: 'Default: "<alias>/".',
      }),
    ),
    include: Type.Array(localPattern, { default: ['*'], description: 'Which of its operations.' }),
    exclude: Type.Array(localPattern, { default: [], description: 'Which of them not.' }),
  },
  closed,
);

const fingerprint = Type.String({
  pattern:
    '^([eE][dD]25519:[0-9a-fA-F]{64}|[sS][hH][aA]256:[0-9a-fA-F]{2}(:?[0-9a-fA-F]{2}){31}|ssh-sha256:[0-9a-fA-F]{64}|ssh-[a-z0-9-]+ [A-Za-z0-9+/=]+( .*)?)$',
  expects:
    'a fingerprint such as "ed25519:" or "SHA256:" with 64 hexadecimal digits, or a public key line of ssh',
});

export const peer = object(
  {
    addresses: Type.Array(
      Type.String({
        pattern: '^(\\[[0-9A-Fa-f:.]+\\]|[^\\s:\\[\\]]+)(:[0-9]{1,5})?$',
        expects: 'an address such as "worker1.example:4433"',
      }),
      { default: [], description: 'Tried in order.' },
    ),
    fingerprints: Type.Array(fingerprint, { default: [], description: 'Pins; any of them.' }),
    peer: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$',
        expects: 'a peer id',
        description: 'Peer id behind this alias.',
      }),
    ),
    transport: oneOf(['auto', 'quic', 'tls', 'iroh'], { default: 'auto', description: 'How it is dialled.' }),
    connect: Type.Optional(Type.Boolean({ description: 'Keep a connection of alknet/call by dialling.' })),
    enabled: Type.Boolean({ default: true, description: 'Whether this entry counts.' }),
    token: Type.Optional(secret({ description: 'Sent with forwarded calls.' })),
    presentIdentity: Type.Boolean({
      default: false,
      description: 'Show the identity of this node also without a pin.',
    }),
    forwardCaller: Type.Boolean({ default: true, description: 'Name the caller in forwarded calls.' }),
    import: Type.Optional(
      either([Type.Literal(true), importFrom], 'true, or { prefix, include, exclude }', {
        description: 'Operations of the peer to offer here.',
      }),
    ),
  },
  { description: 'A node that this node knows. It grants nothing to anyone.' },
);

const accessRule = Type.Object(
  {
    scopes: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 256 }), { description: 'All of these are needed.' }),
    ),
    anyScopes: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 256 }), { description: 'One of these is needed.' }),
    ),
    resource: Type.Optional(
      Type.Object(
        {
          type: Type.Optional(resourceType),
          action: Type.Optional(Type.String({ description: 'Action on it.' })),
          path: Type.Optional(Type.String({ description: 'JSON Pointer to its id in the input.' })),
          list: Type.Optional(
            Type.Boolean({ description: "The operation itself shows what is the caller's." }),
          ),
        },
        { ...closed, description: 'What the caller must have a right to.' },
      ),
    ),
  },
  closed,
);

export const exported = Type.Object(
  {
    operations: either([localPattern, patterns], 'a pattern such as worker1/docker/*, or a list of them', {
      description: 'Imported operations to offer.',
    }),
    as: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9._-]{1,128}(/[A-Za-z0-9._-]{1,128}){0,7}/?$',
        expects: 'a name, or a prefix that ends in /',
        description: 'The name here. Default: the same.',
      }),
    ),
    access: either(
      [Type.Literal('public'), Type.Literal('authenticated'), accessRule],
      '"public", "authenticated" or a rule such as { "scopes": ["docker:use"] }',
      { description: 'Who may call them.' },
    ),
    timeoutMs: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 86_400_000,
        description: 'Deadline in milliseconds. Default: that of the import.',
      }),
    ),
    description: Type.Optional(Type.String({ maxLength: 2000, description: 'Default: that of the import.' })),
  },
  closed,
);

const key = Type.String({
  pattern: '^ed25519:[0-9a-fA-F]{64}$',
  expects: 'a key such as "ed25519:" with 64 hexadecimal digits',
});

export const trust = object(
  {
    mode: oneOf(['any', 'locked', 'signed'], {
      default: 'any',
      description: 'Which plugins that are not built in may load.',
    }),
    publishers: Type.Record(
      Type.String(),
      Type.Union([key, Type.Array(key)], { expects: 'a key or a list of keys' }),
      { default: {}, description: 'Name to keys.' },
    ),
  },
  { default: {}, description: 'What keeps foreign code out.' },
);

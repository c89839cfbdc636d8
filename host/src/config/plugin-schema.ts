/**
 * The schema of one entry of `plugins`. `docs/spec/config.md` 6.1 and 7.
 *
 * @module
 */

import { type Static, Type } from '@alknet/sdk/typebox';
import { count, duration, oneOf, size, words } from './kinds.ts';

export const pluginName = {
  pattern: '^[a-z][a-zA-Z0-9-]{0,39}$',
  expects: 'a plugin name of the form [a-z][a-zA-Z0-9-]{0,39}',
};

export const resourceType = Type.String({ minLength: 1, maxLength: 64, description: 'Type of a resource.' });

const scope = '^\\S{1,256}$';
const alpnPattern = '^[\\x21-\\x7e]{1,64}$';
const reach =
  '^(@(\\*|[A-Za-z0-9._-]{1,64}):)?(\\*|[A-Za-z0-9._-]{1,128}(/[A-Za-z0-9._-]{1,128}){0,7}(/\\*)?)$';

/** `requests` of a manifest has the same form. */
export const grantSchema = Type.Object(
  {
    scopes: Type.Optional(
      words(scope, 'a scope without white space', { description: 'Scopes of its composition authority.' }),
    ),
    resources: Type.Optional(
      Type.Record(
        Type.String(),
        words('^\\S{1,256}$', 'a word without white space', { description: 'Words granted on the type.' }),
        {
          description: 'Its static grants.',
        },
      ),
    ),
    operations: Type.Optional(
      words(reach, 'a pattern such as fs/get, fs/*, * or @worker1:docker/*', {
        description: 'Which operations it may compose.',
      }),
    ),
    secrets: Type.Optional(
      words('^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$', 'the name of a secret', {
        description: 'Secrets and key capabilities.',
      }),
    ),
    dispatch: Type.Optional(
      words(alpnPattern, 'an ALPN, alknet/* or *', { description: 'Where it may hand streams over.' }),
    ),
    gateway: Type.Optional(
      Type.Boolean({ description: 'Whether it may run operations as the identity it serves.' }),
    ),
    namespaces: Type.Optional(
      words('^(\\*|[A-Za-z0-9._-]{1,128})$', 'a service, or *', {
        description: 'Prefixes for imports, besides its own.',
      }),
    ),
  },
  { additionalProperties: false, description: 'What the plugin may do.' },
);

const minute = 60_000;
const MiB = 1024 * 1024;

const limits = Type.Object(
  {
    connections: Type.Optional(
      count({ minimum: 0, maximum: 1_000_000, description: 'Live connections of its ALPNs.' }),
    ),
    concurrency: count({
      minimum: 1,
      maximum: 1_000_000,
      default: 1024,
      description: 'Handlers that run at once.',
    }),
    reloadGrace: Type.Optional(
      duration({ minimum: 0, maximum: 24 * 60 * minute, description: 'Default: limits.reloadGrace.' }),
    ),
    startTimeout: duration({
      minimum: 100,
      maximum: 10 * minute,
      default: '10s',
      description: 'Time for start().',
    }),
    memory: size({
      minimum: 16 * MiB,
      maximum: 1024 * 1024 * MiB,
      default: '512MiB',
      description: 'Of a worker.',
    }),
    storeSize: size({
      minimum: 0,
      maximum: 1024 * 1024 * MiB,
      default: '1GiB',
      description: 'Of its durable state.',
    }),
  },
  { additionalProperties: false, default: {}, description: 'Limits of the plugin.' },
);

export const pluginSchema = Type.Union(
  [
    Type.Boolean(),
    Type.Object(
      {
        use: Type.Optional(
          Type.String({
            minLength: 1,
            maxLength: 4096,
            description:
              'Package name, or a path that begins with . or /. Default: the built-in plugin of that name.',
          }),
        ),
        enabled: Type.Boolean({ default: true, description: 'Whether it runs.' }),
        isolation: Type.Optional(
          oneOf(['inline', 'worker'], {
            description: 'Default: inline for built-in plugins, worker for all others.',
          }),
        ),
        config: Type.Unsafe<Record<string, unknown>>({
          type: 'object',
          additionalProperties: true,
          default: {},
          description: "The plugin's own.",
        }),
        grant: Type.Optional(grantSchema),
        limits,
        listeners: Type.Optional(
          Type.Array(oneOf(['quic', 'tls', 'iroh'], { description: 'A transport.' }), {
            description: 'Default: all that the ALPN allows.',
          }),
        ),
        requireIdentity: Type.Boolean({
          default: false,
          description: 'Close connections without identity before the plugin sees them.',
        }),
      },
      { additionalProperties: false },
    ),
  ],
  { expects: 'true, false or an object', description: 'A plugin: true runs it with defaults.' },
);

export type Grant = Static<typeof grantSchema>;
export type PluginEntryFile = Exclude<Static<typeof pluginSchema>, boolean>;

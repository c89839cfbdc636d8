/**
 * The schema of `alknet.config.json`: `docs/spec/config.md` 3 to 12. Members with a default are never absent after
 * `fit`; those without one are optional.
 *
 * @module
 */

import { type Static, Type } from '@alknet/sdk/typebox';
import { acme } from './acme-schema.ts';
import { count, duration, object, oneOf, path, secret } from './kinds.ts';
import { limits } from './limits-schema.ts';
import { listen } from './listen-schema.ts';
import { exported, peer, trust } from './peers-schema.ts';
import { pluginName, pluginSchema } from './plugin-schema.ts';

const store = object(
  {
    kind: oneOf(['embedded', 'nats'], {
      default: 'embedded',
      description: '"embedded": store.db in dataDir; "nats": JetStream, shared by a fleet.',
    }),
    servers: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), { minItems: 1, description: 'URLs of the NATS servers.' }),
    ),
    prefix: Type.Optional(
      Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$', description: 'Prefix of the buckets.' }),
    ),
    credentials: Type.Optional(secret({ description: 'Credentials of NATS.' })),
  },
  { default: {}, description: 'Durable state. A change needs a restart.' },
);

const level = oneOf(['error', 'warn', 'notice', 'info', 'debug', 'trace'], {
  default: 'info',
  description: 'Lines of this level and above are written.',
});

const log = object(
  {
    level,
    format: Type.Optional(
      oneOf(['text', 'json'], { description: 'Default: text on a terminal, else json.' }),
    ),
    file: Type.Optional(path({ description: 'Default: standard error. Reopened on SIGHUP.' })),
    plugins: Type.Record(
      Type.String({ pattern: pluginName.pattern }),
      oneOf(['error', 'warn', 'notice', 'info', 'debug', 'trace'], { description: 'Level of one plugin.' }),
      { default: {}, expects: pluginName.expects, description: 'Plugin name to level.' },
    ),
  },
  { default: {}, description: 'The log.' },
);

export const configSchema = object(
  {
    $schema: Type.Optional(Type.String({ description: 'The JSON Schema of this file, for editors.' })),
    name: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 64,
        description: 'Shown in status and log. Default: the host name.',
      }),
    ),
    dataDir: Type.Optional(
      path({ description: 'Everything that the node keeps. A change needs a restart.' }),
    ),
    listen,
    store,
    vault: object(
      {
        lockAfterStart: Type.Boolean({
          default: false,
          description: 'Lock the vault when the node has started.',
        }),
      },
      { default: {}, description: 'The vault. A change needs a restart.' },
    ),
    tls: object(
      {
        cert: Type.Optional(path({ description: 'Certificate chain, PEM.' })),
        key: Type.Optional(path({ description: 'Key of the certificate, PEM.' })),
        acme: Type.Optional(acme),
        minVersion: oneOf(['1.2', '1.3'], {
          default: '1.3',
          description: '"1.2" admits TLS 1.2 on TCP for h2 and http/1.1.',
        }),
        handshakeTimeout: duration({
          minimum: 1000,
          maximum: 300_000,
          default: 10,
          description: 'Time for a handshake.',
        }),
        ca: Type.Optional(
          path({ description: 'PEM bundle, added to the system roots for outgoing connections.' }),
        ),
      },
      { default: {}, description: 'TLS and certificates.' },
    ),
    identity: object(
      {
        maxPeers: count({
          minimum: 1,
          maximum: 10_000_000,
          default: 100_000,
          description: 'Entries of peers.json.',
        }),
      },
      { default: {}, description: 'Who may come in.' },
    ),
    limits,
    log,
    plugins: Type.Record(Type.String({ pattern: pluginName.pattern }), pluginSchema, {
      default: {},
      expects: pluginName.expects,
      description: 'Plugin name to entry.',
    }),
    peers: Type.Record(Type.String({ pattern: '^[A-Za-z0-9._-]{1,64}$' }), peer, {
      default: {},
      expects: 'an alias of 1 to 64 letters, digits, ., _ and -',
      description: 'The address book.',
    }),
    export: Type.Array(exported, { default: [], description: 'Imported operations that this node offers.' }),
    trust,
  },
  { description: 'Configuration of an alknet node.' },
);

/** The file after `fit`: defaults filled, units converted. */
export type ConfigFile = Static<typeof configSchema>;

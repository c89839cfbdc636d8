/**
 * What `plugins.git.config` may say, with every default and unit, and what the rest of the plugin reads.
 * `docs/spec/git.md` 1, 5, 6, 8.
 *
 * @module
 */

import { Duration, inBytes, inMilliseconds, Size, type Static, Type } from '@alknet/sdk';
import type { Protection } from './core/push-policy.ts';

const closed = { additionalProperties: false } as const;

const refGlobs = (description: string) =>
  Type.Array(Type.String({ minLength: 1, maxLength: 244 }), { maxItems: 1000, default: [], description });

const protection = Type.Object(
  {
    ref: Type.String({ minLength: 1, maxLength: 244, description: 'Glob over refs.' }),
    principals: Type.Array(Type.String({ minLength: 1, maxLength: 256 }), {
      maxItems: 1000,
      description: 'Peer ids or scopes.',
    }),
  },
  closed,
);

const most = Number.MAX_SAFE_INTEGER;

const duration = (fallback: string, description: string) =>
  Duration({ maximum: most, default: fallback, description });

const size = (fallback: string, description: string) =>
  Size({ maximum: most, default: fallback, description });

const count = (fallback: number, description: string, maximum = 1_000_000) =>
  Type.Integer({ minimum: 1, maximum, default: fallback, description });

const push = Type.Object(
  {
    enabled: Type.Boolean({ default: false, description: 'Whether anything can be pushed.' }),
    allowForce: refGlobs('Branches that may move other than forward.'),
    allowDelete: refGlobs('Refs that may be deleted.'),
    allowTagUpdate: refGlobs('Tags that may move.'),
    protect: Type.Array(protection, {
      maxItems: 1000,
      default: [],
      description: 'Refs that only some may update.',
    }),
    // What the hook tells of them fits into its message.
    maxRefs: count(1000, 'Refs of one push.', 10_000),
    maxPackSize: size('2GiB', 'Of one push.'),
    maxRepoSize: size('10GiB', 'Of a repository after a push.'),
    timeout: duration('300s', 'For one push.'),
    idleTimeout: duration('30s', 'Of a push in which no byte moves.'),
  },
  { ...closed, default: {} },
);

export const gitConfig = Type.Object(
  {
    program: Type.Optional(
      Type.String({ pattern: '^/', maxLength: 4096, description: 'Path of git. Default: looked for.' }),
    ),
    root: Type.Optional(
      Type.String({
        pattern: '^/',
        maxLength: 4096,
        description: "Directory of the repositories. Default: in the plugin's data directory.",
      }),
    ),
    push,
    createOnPush: Type.Boolean({ default: false, description: 'Whether a first push makes the repository.' }),
    defaultBranch: Type.String({
      default: 'main',
      pattern: '^[A-Za-z0-9_][A-Za-z0-9._/-]{0,99}$',
      description: 'Of new repositories.',
    }),
    allowAnyWant: Type.Boolean({ default: false, description: 'Whether version 0 may ask for any object.' }),
    maxProcesses: Type.Object(
      {
        total: count(32, 'Runs of git at once.'),
        perIdentity: count(8, 'Runs of git at once for one identity.'),
      },
      { ...closed, default: {} },
    ),
    fetchTimeout: duration('3600s', 'For one fetch or archive.'),
    idleTimeout: duration('60s', 'Of a fetch whose client is silent.'),
    maxRepositories: count(10_000, 'Repositories of the node.'),
    quota: Type.Object(
      { repositories: count(100, 'Repositories that one identity may make.') },
      { ...closed, default: {} },
    ),
    archive: Type.Object(
      { enabled: Type.Boolean({ default: true, description: 'Whether `git archive --remote` is served.' }) },
      { ...closed, default: {} },
    ),
    maintenance: Type.Object(
      { pushes: count(50, 'Pushes after which a repository is packed anew.') },
      { ...closed, default: {} },
    ),
    trashTtl: duration('7d', 'How long a deleted repository is kept.'),
    urls: Type.Object(
      {
        https: Type.Optional(
          Type.String({
            pattern: '^https?://[^\\s]{1,500}/$',
            description: 'What stands before a name, such as https://node.example/git/.',
          }),
        ),
        ssh: Type.Optional(
          Type.String({
            pattern: '^ssh://[^\\s]{1,500}/$',
            description: 'What stands before a name, such as ssh://git@node.example:2222/.',
          }),
        ),
      },
      { ...closed, default: {}, description: 'Where else the repositories are found, for those who ask.' },
    ),
  },
  closed,
);

export type GitConfig = Static<typeof gitConfig>;

/** Milliseconds and bytes. A repository may have its own for those that `git/settings/set` takes. */
export interface PushSettings {
  readonly enabled: boolean;
  readonly allowForce: readonly string[];
  readonly allowDelete: readonly string[];
  readonly allowTagUpdate: readonly string[];
  readonly protect: readonly Protection[];
  readonly maxRefs: number;
  readonly maxPackSize: number;
  readonly maxRepoSize: number;
  readonly timeout: number;
  readonly idleTimeout: number;
}

/** Milliseconds and bytes. */
export interface Settings {
  readonly program: string | undefined;
  readonly root: string | undefined;
  readonly push: PushSettings;
  readonly createOnPush: boolean;
  readonly defaultBranch: string;
  readonly allowAnyWant: boolean;
  readonly maxProcesses: { readonly total: number; readonly perIdentity: number };
  readonly fetchTimeout: number;
  readonly idleTimeout: number;
  readonly maxRepositories: number;
  readonly maxCreated: number;
  readonly archive: boolean;
  readonly maintenancePushes: number;
  readonly trashTtl: number;
  readonly urls: { readonly https?: string; readonly ssh?: string };
}

export function settingsOf(config: GitConfig): Settings {
  const { push: written } = config;
  return {
    program: config.program,
    root: config.root,
    push: {
      ...written,
      maxPackSize: inBytes(written.maxPackSize),
      maxRepoSize: inBytes(written.maxRepoSize),
      timeout: inMilliseconds(written.timeout),
      idleTimeout: inMilliseconds(written.idleTimeout),
    },
    createOnPush: config.createOnPush,
    defaultBranch: config.defaultBranch,
    allowAnyWant: config.allowAnyWant,
    maxProcesses: config.maxProcesses,
    fetchTimeout: inMilliseconds(config.fetchTimeout),
    idleTimeout: inMilliseconds(config.idleTimeout),
    maxRepositories: config.maxRepositories,
    maxCreated: config.quota.repositories,
    archive: config.archive.enabled,
    maintenancePushes: config.maintenance.pushes,
    trashTtl: inMilliseconds(config.trashTtl),
    urls: config.urls,
  };
}

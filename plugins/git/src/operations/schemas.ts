/**
 * What the operations share: shapes, errors, and finding the repository that a caller names.
 *
 * @module
 */

import { CallError, type DeclaredError, type Identity, type OperationContext, Type } from '@alknet/sdk';
import { may, type Right } from '../core/rights.ts';
import type { Repository } from '../repositories/repositories.ts';
import { gitNode } from './current.ts';

export const closed = { additionalProperties: false } as const;

export const Name = Type.String({
  minLength: 1,
  maxLength: 255,
  description: 'Of a repository, without .git.',
});
export const Limit = (most: number, fallback: number) =>
  Type.Integer({ minimum: 1, maximum: most, default: fallback });
export const After = Type.String({ minLength: 1, maxLength: 300, description: '"next" of the page before.' });
export const Time = Type.String({ format: 'date-time' });
export const ObjectId = Type.String({ pattern: '^([0-9a-f]{40}|[0-9a-f]{64})$' });
export const Description = Type.String({ maxLength: 1000 });
export const BranchName = Type.String({ pattern: '^[A-Za-z0-9_][A-Za-z0-9._/-]{0,99}$' });
export const Urls = Type.Object({
  alknet: Type.String(),
  https: Type.Optional(Type.String()),
  ssh: Type.Optional(Type.String()),
});

const refGlobs = Type.Array(Type.String({ minLength: 1, maxLength: 244 }), { maxItems: 1000 });

/** What a repository may say otherwise than the node. Sizes in bytes. */
export const OwnPush = Type.Object(
  {
    enabled: Type.Optional(Type.Boolean()),
    allowForce: Type.Optional(refGlobs),
    allowDelete: Type.Optional(refGlobs),
    allowTagUpdate: Type.Optional(refGlobs),
    protect: Type.Optional(
      Type.Array(
        Type.Object(
          {
            ref: Type.String({ minLength: 1, maxLength: 244 }),
            principals: Type.Array(Type.String({ minLength: 1, maxLength: 256 }), { maxItems: 1000 }),
          },
          closed,
        ),
        { maxItems: 1000 },
      ),
    ),
    maxPackSize: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
  },
  closed,
);

export const errors = {
  notFound: { code: 'REPO_NOT_FOUND', httpStatus: 404, description: 'Unknown, or not to be read.' },
  exists: { code: 'REPO_EXISTS', httpStatus: 409, description: 'The name is taken.' },
  nameInvalid: {
    code: 'NAME_INVALID',
    httpStatus: 422,
    description: 'No name of a repository, branch or ref.',
  },
  quota: { code: 'QUOTA', httpStatus: 429, description: 'As many repositories as are allowed.' },
  refNotFound: { code: 'REF_NOT_FOUND', httpStatus: 404, description: 'No such branch or tag.' },
  cursorGone: { code: 'CURSOR_GONE', httpStatus: 410, description: 'Those events are no longer kept.' },
} as const satisfies Record<string, DeclaredError>;

/** Of an operation whose access is `authenticated`. */
export function callerOf({ identity }: OperationContext): Identity {
  if (identity === null) throw new CallError('FORBIDDEN', 'authentication required');
  return identity;
}

/** Without the right to read it, a repository is as good as missing. @throws CallError */
export async function repositoryFor(
  context: OperationContext,
  name: string,
  right: Right,
): Promise<Repository> {
  const identity = callerOf(context);
  const visible = may(identity, 'read', name) || may(identity, right, name);
  const repository = visible ? await gitNode().repositories.find(name) : undefined;
  if (repository === undefined) throw new CallError('REPO_NOT_FOUND', `repository not found: ${name}`);
  demand(identity, right, name);
  return repository;
}

/** @throws CallError `FORBIDDEN` */
export function demand(identity: Identity, right: Right, name: string): void {
  if (!may(identity, right, name))
    throw new CallError('FORBIDDEN', `missing required scope: git:${right}:${name}`);
}

export function urlsOf(name: string): { alknet: string; https?: string; ssh?: string } {
  const { settings, z32 } = gitNode();
  const { https, ssh } = settings.urls;
  return {
    alknet: `alknet://${z32}/${name}.git`,
    ...(https === undefined ? {} : { https: `${https}${name}.git` }),
    ...(ssh === undefined ? {} : { ssh: `${ssh}${name}.git` }),
  };
}

/**
 * `git/refs` and `git/log`. `docs/spec/git.md` 9.
 *
 * @module
 */

import { defineOperation, Type } from '@alknet/sdk';
import { logOf, refsOf } from '../repositories/inspect.ts';
import { gitNode } from './current.ts';
import { After, closed, errors, Limit, Name, ObjectId, repositoryFor, Time } from './schemas.ts';

const Person = Type.Object({
  name: Type.String(),
  email: Type.String(),
  at: Type.Union([Time, Type.Null()]),
});

export const refs = defineOperation({
  name: 'git/refs',
  type: 'query',
  access: 'authenticated',
  description: 'Lists branches, tags and notes with the objects they stand on, HEAD first.',
  input: Type.Object(
    {
      name: Name,
      prefix: Type.Optional(Type.String({ maxLength: 244 })),
      after: Type.Optional(After),
      limit: Limit(1000, 1000),
    },
    closed,
  ),
  output: Type.Object({
    refs: Type.Array(
      Type.Object({
        ref: Type.String(),
        id: ObjectId,
        peeled: Type.Optional(ObjectId),
        symref: Type.Optional(Type.String()),
      }),
    ),
    next: Type.Optional(Type.String()),
  }),
  errors: [errors.notFound],
  handler: async ({ name, prefix = '', after = '', limit }, context) => {
    const repository = await repositoryFor(context, name, 'read');
    const rows = (await refsOf(gitNode().git, repository, context.signal)).filter(
      ({ ref }) => ref.startsWith(prefix) && ref > after,
    );
    const page = rows.slice(0, limit);
    const next = page.at(-1)?.ref;
    return rows.length > page.length && next !== undefined ? { refs: page, next } : { refs: page };
  },
});

export const log = defineOperation({
  name: 'git/log',
  type: 'query',
  access: 'authenticated',
  description: 'Lists commits that a branch or tag leads to, the newest first.',
  input: Type.Object(
    {
      name: Name,
      ref: Type.Optional(
        Type.String({ minLength: 1, maxLength: 244, description: 'A branch or tag. Default: HEAD.' }),
      ),
      path: Type.Optional(
        Type.String({ minLength: 1, maxLength: 4096, description: 'Only commits that changed it.' }),
      ),
      after: Type.Optional(After),
      limit: Limit(200, 50),
    },
    closed,
  ),
  output: Type.Object({
    commits: Type.Array(
      Type.Object({
        id: ObjectId,
        parents: Type.Array(ObjectId),
        author: Person,
        committer: Person,
        subject: Type.String(),
        body: Type.String(),
      }),
    ),
    next: Type.Optional(Type.String()),
  }),
  errors: [errors.notFound, errors.refNotFound],
  handler: async ({ name, ...request }, context) => {
    const repository = await repositoryFor(context, name, 'read');
    return await logOf(gitNode().git, repository, request, context.signal);
  },
});

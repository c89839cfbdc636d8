/**
 * `git/settings/set`. `docs/spec/git.md` 9.
 *
 * @module
 */

import { CallError, defineOperation, Type } from '@alknet/sdk';
import { isRefName } from '../core/ref-names.ts';
import { gitNode } from './current.ts';
import { closed, Description, errors, Name, OwnPush, repositoryFor } from './schemas.ts';

export const setSettings = defineOperation({
  name: 'git/settings/set',
  type: 'mutation',
  access: 'authenticated',
  idempotent: true,
  description: 'Sets the description, HEAD and push rules of a repository; what is not named stays.',
  input: Type.Object(
    {
      name: Name,
      description: Type.Optional(Description),
      head: Type.Optional(Type.String({ minLength: 1, maxLength: 244, description: 'A branch.' })),
      push: Type.Optional(OwnPush),
    },
    closed,
  ),
  output: Type.Object({
    settings: Type.Object({ description: Type.String(), head: Type.Optional(Type.String()), push: OwnPush }),
  }),
  errors: [errors.notFound, errors.nameInvalid],
  handler: async ({ name, description, head, push }, context) => {
    const repository = await repositoryFor(context, name, 'admin');
    const { repositories, git } = gitNode();
    const target = head === undefined ? undefined : branchRef(head);
    if (target !== undefined)
      await git.outputIn(repository.directory, ['symbolic-ref', 'HEAD', target], { signal: context.signal });
    const record = await repositories.change(repository, (before) => ({
      ...before,
      ...(description === undefined ? {} : { description }),
      push: { ...before.push, ...push },
    }));
    const { allowForce, allowDelete, allowTagUpdate, protect, ...own } = record.push;
    return {
      settings: {
        description: record.description,
        ...(target === undefined ? {} : { head: target }),
        push: {
          ...own,
          ...(allowForce === undefined ? {} : { allowForce: [...allowForce] }),
          ...(allowDelete === undefined ? {} : { allowDelete: [...allowDelete] }),
          ...(allowTagUpdate === undefined ? {} : { allowTagUpdate: [...allowTagUpdate] }),
          ...(protect === undefined
            ? {}
            : { protect: protect.map(({ ref, principals }) => ({ ref, principals: [...principals] })) }),
        },
      },
    };
  },
});

/** @throws CallError `NAME_INVALID` */
function branchRef(head: string): string {
  const ref = head.startsWith('refs/heads/') ? head : `refs/heads/${head}`;
  if (head.startsWith('-') || !isRefName(ref))
    throw new CallError('NAME_INVALID', `head: ${JSON.stringify(head)} is no name of a branch`);
  return ref;
}

/**
 * `git/list`, `git/create`, `git/info`, `git/rename`, `git/delete`. `docs/spec/git.md` 9.
 *
 * @module
 */

import { CallError, defineOperation, Type } from '@alknet/sdk';
import { isRefName } from '../core/ref-names.ts';
import { may } from '../core/rights.ts';
import { headOf, type Repository } from '../repositories/repositories.ts';
import { gitNode } from './current.ts';
import {
  After,
  BranchName,
  callerOf,
  closed,
  Description,
  demand,
  errors,
  Limit,
  Name,
  OwnPush,
  repositoryFor,
  Time,
  Urls,
  urlsOf,
} from './schemas.ts';

const Nullable = <Of extends Parameters<typeof Type.Union>[0][number]>(schema: Of) =>
  Type.Union([schema, Type.Null()]);

const Row = Type.Object({
  name: Name,
  description: Type.String(),
  head: Type.String(),
  size: Type.Integer(),
  pushedAt: Nullable(Time),
});

export const list = defineOperation({
  name: 'git/list',
  type: 'query',
  access: 'authenticated',
  description: 'Lists the repositories that the caller may read, sorted by name.',
  input: Type.Object(
    {
      prefix: Type.Optional(Type.String({ maxLength: 255 })),
      after: Type.Optional(After),
      limit: Limit(1000, 100),
    },
    closed,
  ),
  output: Type.Object({ repos: Type.Array(Row), next: Type.Optional(Type.String()) }),
  handler: async ({ prefix = '', after = '', limit }, context) => {
    const identity = callerOf(context);
    const { repositories } = gitNode();
    const names = (await repositories.tree.names()).filter(
      (name) => name.startsWith(prefix) && name > after && may(identity, 'read', name),
    );
    const page = names.slice(0, limit);
    const rows = await Promise.all(
      page.map(async (name) => {
        const repository = await repositories.find(name);
        if (repository === undefined) return undefined;
        const { description, size, pushedAt } = await repositories.record(repository);
        return { name, description, head: await headOf(repository), size, pushedAt };
      }),
    );
    const repos = rows.filter((row) => row !== undefined);
    const next = page.at(-1);
    return names.length > page.length && next !== undefined ? { repos, next } : { repos };
  },
});

export const create = defineOperation({
  name: 'git/create',
  type: 'mutation',
  access: 'authenticated',
  description: 'Makes an empty repository.',
  input: Type.Object(
    {
      name: Name,
      description: Type.Optional(Description),
      objectFormat: Type.Optional(Type.Union([Type.Literal('sha1'), Type.Literal('sha256')])),
      defaultBranch: Type.Optional(BranchName),
    },
    closed,
  ),
  output: Type.Object({ name: Name, urls: Urls }),
  errors: [errors.exists, errors.nameInvalid, errors.quota],
  handler: async (input, context) => {
    const identity = callerOf(context);
    demand(identity, 'create', input.name);
    checkBranch(input.defaultBranch);
    const { repositories, events } = gitNode();
    const { name } = await repositories.create({ ...input, createdBy: identity.id });
    await events.append({ repo: name, type: 'create', by: identity.id, via: 'call' });
    return { name, urls: urlsOf(name) };
  },
});

function checkBranch(branch: string | undefined): void {
  if (branch !== undefined && !isRefName(`refs/heads/${branch}`))
    throw new CallError('NAME_INVALID', `${JSON.stringify(branch)} is no name of a branch`);
}

export const info = defineOperation({
  name: 'git/info',
  type: 'query',
  access: 'authenticated',
  description: 'Tells what is known of a repository.',
  input: Type.Object({ name: Name }, closed),
  output: Type.Object({
    name: Name,
    description: Type.String(),
    head: Type.String(),
    objectFormat: Type.String(),
    size: Type.Integer(),
    createdAt: Time,
    pushedAt: Nullable(Time),
    createdBy: Nullable(Type.String()),
    settings: Type.Object({ push: OwnPush }),
    canWrite: Type.Boolean(),
    urls: Urls,
  }),
  errors: [errors.notFound],
  handler: async ({ name }, context) => {
    const repository = await repositoryFor(context, name, 'read');
    const { repositories, admission } = gitNode();
    const record = await repositories.record(repository);
    const { enabled, allowForce, allowDelete, allowTagUpdate, protect, maxPackSize } =
      await admission.pushSettings(repository);
    return {
      name,
      description: record.description,
      head: await headOf(repository),
      objectFormat: repository.objectFormat,
      size: record.size,
      createdAt: record.createdAt,
      pushedAt: record.pushedAt,
      createdBy: record.createdBy,
      settings: {
        push: {
          enabled,
          allowForce: [...allowForce],
          allowDelete: [...allowDelete],
          allowTagUpdate: [...allowTagUpdate],
          protect: protect.map(({ ref, principals }) => ({ ref, principals: [...principals] })),
          maxPackSize,
        },
      },
      canWrite: enabled && may(callerOf(context), 'write', name),
      urls: urlsOf(name),
    };
  },
});

export const rename = defineOperation({
  name: 'git/rename',
  type: 'mutation',
  access: 'authenticated',
  description: 'Gives a repository another name. Runs under way on it are ended.',
  input: Type.Object({ name: Name, to: Name }, closed),
  output: Type.Object({ name: Name }),
  errors: [errors.notFound, errors.exists, errors.nameInvalid],
  handler: async ({ name, to }, context) => {
    const repository = await repositoryFor(context, name, 'delete');
    const identity = callerOf(context);
    demand(identity, 'create', to);
    const { repositories, events } = gitNode();
    await alone(repository, () => repositories.rename(repository, to));
    await events.append({ repo: name, type: 'rename', by: identity.id, via: 'call', to });
    return { name: to };
  },
});

export const remove = defineOperation({
  name: 'git/delete',
  type: 'mutation',
  access: 'authenticated',
  destructive: true,
  description: 'Takes a repository away. It lies in the trash of the node for some days.',
  input: Type.Object({ name: Name, confirm: Name }, closed),
  output: Type.Object({ deleted: Type.Literal(true) }),
  errors: [errors.notFound],
  handler: async ({ name, confirm }, context) => {
    const repository = await repositoryFor(context, name, 'delete');
    if (confirm !== name) throw new CallError('INVALID_INPUT', `confirm: expected ${name}`);
    const { events, maintenance } = gitNode();
    await alone(repository, () => maintenance.trash(repository));
    await events.append({ repo: name, type: 'delete', by: callerOf(context).id, via: 'call' });
    return { deleted: true as const };
  },
});

/** Nothing of ours runs on the repository during `work`. */
function alone(repository: Repository, work: () => Promise<void>): Promise<void> {
  const { runs, writers } = gitNode();
  const { directory } = repository;
  return writers.during(directory, () => runs.closed(directory, work));
}

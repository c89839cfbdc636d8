/**
 * `git/events`. `docs/spec/git.md` 9.
 *
 * @module
 */

import { defineOperation, type Identity, Type } from '@alknet/sdk';
import { matchesGlob } from '../core/globs.ts';
import { may } from '../core/rights.ts';
import { gitNode } from './current.ts';
import { callerOf, closed, errors, ObjectId, Time } from './schemas.ts';

const Kind = Type.Union([
  Type.Literal('push'),
  Type.Literal('create'),
  Type.Literal('delete'),
  Type.Literal('rename'),
]);
const Via = Type.Union([
  Type.Literal('alknet'),
  Type.Literal('ssh'),
  Type.Literal('http'),
  Type.Literal('call'),
]);
const Change = Type.Union([Type.Literal('create'), Type.Literal('update'), Type.Literal('delete')]);

export const events = defineOperation({
  name: 'git/events',
  type: 'subscription',
  access: 'authenticated',
  description: 'Gives what happens to the repositories that the caller may read: one event a push.',
  input: Type.Object(
    {
      name: Type.Optional(Type.String({ minLength: 1, maxLength: 255, description: 'Glob over names.' })),
      since: Type.Optional(
        Type.String({ pattern: '^\\d{1,15}$', description: 'Cursor of the last event seen.' }),
      ),
    },
    closed,
  ),
  output: Type.Object({
    cursor: Type.String(),
    at: Time,
    repo: Type.String(),
    type: Kind,
    by: Type.String(),
    via: Via,
    to: Type.Optional(Type.String({ description: 'With rename: the new name.' })),
    updates: Type.Optional(
      Type.Array(
        Type.Object({
          ref: Type.String(),
          old: ObjectId,
          new: ObjectId,
          kind: Change,
          forced: Type.Boolean(),
        }),
      ),
    ),
  }),
  errors: [errors.cursorGone],
  async *handler({ name, since }, context) {
    const mayRead = reader(callerOf(context));
    for await (const event of gitNode().events.read(since, context.signal)) {
      const { repo, to } = event;
      const names = to === undefined ? [repo] : [repo, to];
      // A name that the caller may not read does not leave with one that he may.
      if (!names.every(mayRead)) continue;
      if (name !== undefined && !names.some((each) => matchesGlob(name, each))) continue;
      const { updates, ...rest } = event;
      yield updates === undefined ? rest : { ...rest, updates: [...updates] };
    }
  },
});

/**
 * Whether the caller may read a repository, when asked. Scopes of a peer are taken away while it follows; what the
 * subscription began without it gets by a new one.
 */
function reader(identity: Identity): (name: string) => boolean {
  const { peers } = gitNode();
  // Another plugin may have vouched for who is no peer.
  const isPeer = peers?.resolvePeer(identity.id) !== undefined;
  return (name) =>
    may(identity, 'read', name) && (!isPeer || may(peers?.resolvePeer(identity.id) ?? null, 'read', name));
}

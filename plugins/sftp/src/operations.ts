/**
 * What the node tells of SFTP. `docs/spec/sftp.md` 8.
 *
 * @module
 */

import { CallError, defineOperation, Type } from '@alknet/sdk';
import type { Exports } from './exports.ts';
import type { Sessions } from './sessions.ts';

interface Parts {
  readonly exports: Exports;
  readonly sessions: Sessions;
}

let parts: Parts | undefined;

/** Called by `start`: operations are declared before anything runs. */
export function useParts(running: Parts): void {
  parts = running;
}

function running(): Parts {
  if (parts === undefined) throw new CallError('INTERNAL', 'the plugin has not started');
  return parts;
}

const adminScope = 'sftp:admin';

export const operations = [
  defineOperation({
    name: 'sftp/exports/list',
    type: 'query',
    access: 'authenticated',
    title: 'Exports of the caller',
    description: 'The exports that the caller sees by SFTP. Host paths only with the scope sftp:admin.',
    idempotent: true,
    input: Type.Object({}, { additionalProperties: false }),
    output: Type.Object({
      exports: Type.Array(
        Type.Object({
          name: Type.String(),
          mode: Type.Union([Type.Literal('ro'), Type.Literal('rw')]),
          path: Type.Optional(Type.String()),
        }),
      ),
    }),
    handler: (_input, { identity }) => {
      if (identity === null) throw new CallError('FORBIDDEN', 'authentication required');
      const isAdmin = identity.scopes.includes(adminScope);
      const found = running().exports.of(identity);
      return {
        exports: found.map(({ name, mode, path }) => (isAdmin ? { name, mode, path } : { name, mode })),
      };
    },
  }),
  defineOperation({
    name: 'sftp/sessions/list',
    type: 'query',
    access: { scopes: [adminScope] },
    title: 'Sessions of SFTP',
    description: 'The sessions of SFTP that run on the node, with what they have moved.',
    idempotent: true,
    input: Type.Object({}, { additionalProperties: false }),
    output: Type.Object({
      sessions: Type.Array(
        Type.Object({
          id: Type.Integer(),
          peer: Type.String(),
          via: Type.String(),
          since: Type.String(),
          handles: Type.Integer(),
          read: Type.Integer({ description: 'bytes of data' }),
          written: Type.Integer({ description: 'bytes of data' }),
        }),
      ),
    }),
    handler: () => ({ sessions: running().sessions.list() }),
  }),
] as const;

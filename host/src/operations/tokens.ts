/**
 * `host/tokens/*`: bearer tokens of entries. Who makes a token keeps it: only its hash comes here, and nothing of it ever
 * goes out. `docs/spec/registry.md` 15, `docs/spec/identity.md` 5.
 *
 * @module
 */

import { type AnyOperation, CallError, defineOperation, Type } from '@alknet/sdk';
import { changeEntry, withoutToken } from '../identity/index.ts';
import type { NodePeers } from '../node/peers.ts';
import {
  adminAccess,
  next,
  optional,
  paged,
  paging,
  Revision,
  readAccess,
  recordChange,
  Text,
  Words,
} from './parts.ts';
import { changeErrors, changePeersFile, ifRevision } from './peers-change.ts';

const TokenEntry = Type.Object({
  id: Text,
  scopes: Words,
  expiresAt: optional(Text),
  lastUsedAt: optional(Type.String({ description: 'since the node was started' })),
});

export function tokenOperations(peers: NodePeers): AnyOperation[] {
  const list = defineOperation({
    name: 'host/tokens/list',
    type: 'query',
    access: readAccess,
    input: Type.Object({ ...paging }),
    output: Type.Object({ tokens: Type.Array(TokenEntry), revision: Revision, next }),
    title: 'Tokens',
    description: 'Lists the entries that have a token.',
    handler: (wanted) => {
      const entries = peers.table.peers().filter(({ id }) => peers.table.hasToken(id));
      const { page, more } = paged(entries, ({ id }) => id, wanted);
      const tokens = page.map(({ id, scopes, expiresAt }) => {
        const lastUsedAt = peers.tokenUsedAt(id)?.toISOString();
        return {
          id,
          scopes: [...scopes],
          ...(expiresAt === undefined ? {} : { expiresAt }),
          ...(lastUsedAt === undefined ? {} : { lastUsedAt }),
        };
      });
      return { tokens, revision: peers.table.revision, ...more };
    },
  });

  const create = defineOperation({
    name: 'host/tokens/create',
    type: 'mutation',
    access: adminAccess,
    input: Type.Object(
      {
        id: Text,
        tokenHash: Type.String({
          description: 'sha256: and 64 hex digits of SHA-256 over the token, never the token',
        }),
        expiresAt: optional(Type.String({ description: 'of the whole entry' })),
        ifRevision,
      },
      { additionalProperties: false },
    ),
    output: Type.Object({ id: Text, replaced: Type.Boolean(), revision: Revision }),
    errors: [
      { code: 'PEER_NOT_FOUND', httpStatus: 404 },
      { code: 'TOKEN_INVALID', httpStatus: 422 },
      ...changeErrors,
    ],
    title: 'Give a token',
    description:
      'Puts the hash of a token that the caller has made into an entry. An older token of it ends at once.',
    handler: async ({ id, tokenHash, expiresAt, ifRevision: expected }, context) => {
      // What came is not repeated: somebody may have sent the token itself.
      if (!/^sha256:[0-9a-f]{64}$/.test(tokenHash))
        throw new CallError(
          'TOKEN_INVALID',
          'tokenHash: expected sha256: and 64 hex digits of SHA-256 over the token',
        );
      let replaced = false;
      const edit = changeEntry(id, (entry) => {
        replaced = entry.tokenHash !== undefined;
        return { ...entry, tokenHash, ...(expiresAt === undefined ? {} : { expiresAt }) };
      });
      const codes = { missing: 'PEER_NOT_FOUND', invalid: 'TOKEN_INVALID' };
      const revision = await changePeersFile(peers, edit, expected, codes);
      recordChange(context, { touched: id, replaced, revision });
      return { id, replaced, revision };
    },
  });

  const revoke = defineOperation({
    name: 'host/tokens/revoke',
    type: 'mutation',
    access: adminAccess,
    destructive: true,
    input: Type.Object({ id: Text, ifRevision }),
    output: Type.Object({ revoked: Type.Literal(true), revision: Revision }),
    errors: [
      { code: 'TOKEN_NOT_FOUND', httpStatus: 404 },
      { code: 'PEER_INVALID', httpStatus: 422 },
      ...changeErrors,
    ],
    title: 'End a token',
    description: 'Takes the token of an entry away; requests that use it end.',
    handler: async ({ id, ifRevision: expected }, context) => {
      const codes = { missing: 'TOKEN_NOT_FOUND', invalid: 'PEER_INVALID' };
      const revision = await changePeersFile(peers, changeEntry(id, withoutToken), expected, codes);
      recordChange(context, { touched: id, revision });
      return { revoked: true as const, revision };
    },
  });

  return [list, create, revoke];
}

/**
 * `services/*`: what a caller may call. `docs/spec/registry.md` 12.
 *
 * @module
 */

import { type AnyOperation, CallError, defineOperation, isVisible, serviceOf, Type } from '@alknet/sdk';
import { Entry, entryOf, entryOfSpec, entryWithSpec, Schema, schemaOf } from './description.ts';
import type { Registry } from './registry.ts';
import { isShown, visibleTo } from './visible.ts';
import { watchOperation } from './watch.ts';

const defaultPage = 1000;
const maxPage = 5000;
/** Scopes that show other peers than oneself. */
const peerReaders = ['peers:list', 'host:read', 'host:admin', 'admin'];

export function discoveryOperations(registry: Registry): AnyOperation[] {
  return [
    listOperation(registry),
    schemaOperation(registry),
    watchOperation(registry),
    listPeersOperation(registry),
    statsOperation(registry),
  ];
}

function listOperation(registry: Registry): AnyOperation {
  return defineOperation({
    name: 'services/list',
    type: 'query',
    access: 'public',
    description: 'Lists the operations that the caller may call.',
    input: Type.Object({
      namespace: Type.Optional(Type.String()),
      query: Type.Optional(Type.String({ description: 'words, each found in name or description' })),
      cursor: Type.Optional(Type.String()),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: maxPage, default: defaultPage })),
      schemas: Type.Optional(Type.Boolean()),
    }),
    output: Type.Object({
      operations: Type.Array(Entry),
      revision: Type.String(),
      next_cursor: Type.Optional(Type.String()),
    }),
    handler: ({ namespace, query, cursor, limit = defaultPage, schemas = false }, { identity }) => {
      const words = (query ?? '')
        .toLowerCase()
        .split(/\s+/)
        .filter((word) => word !== '');
      const after = cursor === undefined ? '' : nameOf(cursor);
      const found = visibleTo(registry, identity).filter(({ operation: { name, description = '' } }) => {
        if (name <= after || (namespace !== undefined && serviceOf(name) !== namespace)) return false;
        const text = `${name}\n${description}`.toLowerCase();
        return words.every((word) => text.includes(word));
      });
      const page = found.slice(0, limit);
      const last = page.at(-1);
      return {
        operations: page.map(schemas ? entryWithSpec : entryOf),
        revision: registry.base.revision,
        ...(found.length > page.length && last !== undefined
          ? { next_cursor: cursorAfter(last.operation.name) }
          : {}),
      };
    },
  });
}

/** A cursor is the last name shown: operations that come and go disturb nobody's paging (REG-48). */
function cursorAfter(name: string): string {
  return Buffer.from(name).toString('base64url');
}

function nameOf(cursor: string): string {
  const name = Buffer.from(cursor, 'base64url').toString();
  if (cursorAfter(name) !== cursor)
    throw new CallError('INVALID_INPUT', 'invalid input: /cursor is not one of ours');
  return name;
}

function schemaOperation(registry: Registry): AnyOperation {
  return defineOperation({
    name: 'services/schema',
    type: 'query',
    access: 'public',
    description: 'Describes one operation: schemas, errors, access.',
    input: Type.Object({ name: Type.String() }),
    output: Schema,
    handler: ({ name: text }, { identity }) => {
      const name = text.startsWith('/') ? text.slice(1) : text;
      const found = registry.base.get(name);
      // One answer for what is forbidden, internal and unknown (REG-47).
      if (found === undefined || !isShown(found.operation, identity))
        throw new CallError('NOT_FOUND', `operation not found: ${name}`);
      return schemaOf(found.operation);
    },
  });
}

function listPeersOperation(registry: Registry): AnyOperation {
  return defineOperation({
    name: 'services/list-peers',
    type: 'query',
    access: 'public',
    description: 'Lists this node and its connected peers with the operations that the caller may call.',
    input: Type.Object({}),
    output: Type.Object({
      peers: Type.Array(Type.Object({ peer_id: Type.String(), operations: Type.Array(Entry) })),
    }),
    handler: async (_input, { identity }) => {
      const local = { peer_id: 'local', operations: visibleTo(registry, identity).map(entryOf) };
      const all = peerReaders.some((scope) => identity?.scopes.includes(scope));
      const shown = registry.peers.all().filter(({ id }) => all || id === identity?.id);
      const peers = await Promise.all(
        shown.map(async ({ id, offers }) => {
          // One that does not answer is there nevertheless.
          const offered = await offers.get().catch(() => undefined);
          const operations = (offered?.operations ?? []).filter(({ access }) => isVisible(access, identity));
          return { peer_id: id, operations: operations.map(entryOfSpec) };
        }),
      );
      return { peers: [local, ...peers] };
    },
  });
}

const Milliseconds = Type.Union([Type.Number(), Type.Null()]);

function statsOperation(registry: Registry): AnyOperation {
  return defineOperation({
    name: 'services/stats',
    type: 'query',
    access: { anyScopes: ['host:read', 'host:admin', 'admin'] },
    description: 'Counts, errors and latency of each operation since the node started.',
    input: Type.Object({ namespace: Type.Optional(Type.String()) }),
    output: Type.Object({
      operations: Type.Array(
        Type.Object({
          name: Type.String(),
          calls: Type.Integer(),
          running: Type.Integer(),
          errors: Type.Integer(),
          by_outcome: Type.Record(Type.String(), Type.Integer()),
          values: Type.Integer(),
          p50_ms: Milliseconds,
          p90_ms: Milliseconds,
          p99_ms: Milliseconds,
        }),
      ),
    }),
    handler: ({ namespace }, { identity }) => ({
      operations: visibleTo(registry, identity)
        .filter(({ operation: { name } }) => namespace === undefined || serviceOf(name) === namespace)
        .map(({ operation: { name }, stats }) => {
          const { calls, running, errors, byOutcome, values, p50, p90, p99 } = stats.snapshot();
          return {
            name,
            calls,
            running,
            errors,
            by_outcome: byOutcome,
            values,
            p50_ms: p50,
            p90_ms: p90,
            p99_ms: p99,
          };
        }),
    }),
  });
}

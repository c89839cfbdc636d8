/**
 * `host/peers/*`: who may come in, as in `peers.json`. `docs/spec/registry.md` 15, `docs/spec/identity.md` 4.
 *
 * @module
 */

import {
  type AnyOperation,
  CallError,
  defineOperation,
  type OperationContext,
  type Static,
  Type,
} from '@alknet/sdk';
import type { Endpoint } from '../endpoint/index.ts';
import {
  addEntry,
  changeEntry,
  freshEntry,
  type NewEntry,
  type PeerEntry,
  type PeersEdit,
  removeEntry,
  withMembers,
} from '../identity/index.ts';
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

/** Members that an operator writes; the file's own check says more of each. */
const members = {
  displayName: Text,
  fingerprints: Words,
  scopes: Words,
  resources: Type.Record(Text, Words),
  expiresAt: Text,
  sshKeys: Words,
  addresses: Words,
};
/** Not for `set`: `enabled` and `tokenHash` have operations of their own, the others stay as they were made. */
const fixed = ['id', 'tokenHash', 'createdAt', 'enabled'];

const Id = Type.String({ description: 'peer id' });
const Peer = Type.Object(
  {
    id: Text,
    ...Type.Partial(Type.Object(members)).properties,
    fingerprints: Words,
    scopes: Words,
    resources: members.resources,
    enabled: Type.Boolean(),
    createdAt: Text,
  },
  { description: 'an entry of peers.json, without its token hash' },
);
const PeerNow = Type.Intersect([
  Peer,
  Type.Object({ online: Type.Boolean(), connections: Type.Integer({ minimum: 0 }) }),
]);
const Changed = Type.Object({ peer: Peer, revision: Revision });

const codes = { missing: 'PEER_NOT_FOUND', invalid: 'PEER_INVALID' };
const notFound = { code: 'PEER_NOT_FOUND', httpStatus: 404 };
const invalid = { code: 'PEER_INVALID', httpStatus: 422 };
const ownEntry = { code: 'OWN_ENTRY', httpStatus: 409 };

export function peerOperations(peers: NodePeers, endpoint: Endpoint): AnyOperation[] {
  const change = (edit: PeersEdit, expected: string | undefined) =>
    changePeersFile(peers, edit, expected, codes);

  /** Changes one entry, records it, and answers with what came of it. */
  async function changed(
    edit: (keep: (entry: PeerEntry) => PeerEntry) => PeersEdit,
    expected: string | undefined,
    context: OperationContext,
  ) {
    let made: PeerEntry | undefined;
    const revision = await change(
      edit((entry) => {
        made = entry;
        return entry;
      }),
      expected,
    );
    if (made === undefined) throw new Error('an edit that keeps an entry has kept none');
    recordChange(context, { touched: made.id, revision });
    // As the file has it: normal forms and defaults filled, where nobody has changed it since.
    const peer = peers.table.revision === revision ? (peers.table.entry(made.id) ?? made) : made;
    return { peer: shown(peer), revision };
  }

  const list = defineOperation({
    name: 'host/peers/list',
    type: 'query',
    access: readAccess,
    input: Type.Object({ id: optional(Id), ...paging }),
    output: Type.Object({ peers: Type.Array(PeerNow), revision: Revision, next }),
    title: 'Peers',
    description: 'Lists who may come in, with their rights, and who is connected.',
    handler: ({ id, ...wanted }) => {
      const entries = peers.table.peers().filter((entry) => id === undefined || entry.id === id);
      const { page, more } = paged(entries, (entry) => entry.id, wanted);
      const connections = new Map<string, number>();
      for (const { peer } of endpoint.connections())
        if (peer !== null) connections.set(peer, (connections.get(peer) ?? 0) + 1);
      const rows = page.map((entry) => {
        const count = connections.get(entry.id) ?? 0;
        return { ...shown(entry), online: count > 0, connections: count };
      });
      return { peers: rows, revision: peers.table.revision, ...more };
    },
  });

  const add = defineOperation({
    name: 'host/peers/add',
    type: 'mutation',
    access: adminAccess,
    input: Type.Object(
      {
        id: Id,
        ...Type.Partial(Type.Object(members)).properties,
        enabled: optional(Type.Boolean()),
        ifRevision,
      },
      { description: 'an entry of peers.json, without tokenHash and createdAt' },
    ),
    output: Changed,
    errors: [{ code: 'PEER_EXISTS', httpStatus: 409 }, invalid, ...changeErrors],
    title: 'Let somebody in',
    description: 'Adds an entry to peers.json. It is in use when this answers.',
    handler: ({ ifRevision: expected, ...entry }, context) => {
      refuseMembers(entry, ['tokenHash', 'createdAt']);
      checkAddresses(entry.addresses);
      return changed((keep) => addEntry(keep(freshEntry(entry as NewEntry))), expected, context);
    },
  });

  const set = defineOperation({
    name: 'host/peers/set',
    type: 'mutation',
    access: adminAccess,
    idempotent: true,
    input: Type.Object({
      id: Id,
      change: Type.Record(Text, Type.Unknown(), { description: 'members to replace; null takes one away' }),
      ifRevision,
    }),
    output: Changed,
    errors: [notFound, invalid, ...changeErrors],
    title: 'Change a peer',
    description: 'Replaces members of an entry of peers.json; null takes one away.',
    handler: ({ id, change: given, ifRevision: expected }, context) => {
      refuseMembers(given, fixed);
      checkAddresses(given['addresses']);
      return changed(
        (keep) => changeEntry(id, (entry) => keep(withMembers(entry, given))),
        expected,
        context,
      );
    },
  });

  const remove = defineOperation({
    name: 'host/peers/remove',
    type: 'mutation',
    access: adminAccess,
    destructive: true,
    input: Type.Object({ id: Id, ifRevision }),
    output: Type.Object({ removed: Type.Literal(true), revision: Revision }),
    errors: [notFound, invalid, ownEntry, ...changeErrors],
    title: 'Remove a peer',
    description: 'Takes an entry out of peers.json and ends its connections.',
    handler: async ({ id, ifRevision: expected }, context) => {
      refuseOwnEntry(id, context);
      const revision = await change(removeEntry(id), expected);
      recordChange(context, { touched: id, revision });
      return { removed: true as const, revision };
    },
  });

  const switched = (enabled: boolean) =>
    defineOperation({
      name: enabled ? 'host/peers/enable' : 'host/peers/disable',
      type: 'mutation',
      access: adminAccess,
      destructive: !enabled,
      idempotent: true,
      input: Type.Object({ id: Id, ifRevision }),
      output: Changed,
      errors: [notFound, invalid, ownEntry, ...changeErrors],
      title: enabled ? 'Let a peer in again' : 'Keep a peer out',
      description: enabled
        ? 'Enables an entry of peers.json.'
        : 'Disables an entry of peers.json and ends its connections.',
      handler: ({ id, ifRevision: expected }, context) => {
        if (!enabled) refuseOwnEntry(id, context);
        return changed((keep) => changeEntry(id, (entry) => keep({ ...entry, enabled })), expected, context);
      },
    });

  return [list, add, set, remove, switched(true), switched(false)];
}

/** Nobody locks himself out. @throws CallError `OWN_ENTRY` */
function refuseOwnEntry(id: string, { caller }: OperationContext): void {
  if (caller?.id === id)
    throw new CallError(
      'OWN_ENTRY',
      `${id} is your own entry; another operator, or a local command, can do it`,
    );
}

/** @throws CallError `PEER_INVALID` */
function refuseMembers(given: object, members: readonly string[]): void {
  const wrong = members.find((member) => Object.hasOwn(given, member));
  if (wrong !== undefined) throw new CallError('PEER_INVALID', `${wrong} is not for this operation to set`);
}

/** The file's check leaves `addresses` to `docs/spec/cli.md` 5. @throws CallError `PEER_INVALID` */
function checkAddresses(addresses: unknown): void {
  if (addresses === undefined || addresses === null) return;
  const form = /^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):\d{1,5}$/;
  if (!Array.isArray(addresses) || !addresses.every((text) => typeof text === 'string' && form.test(text)))
    throw new CallError('PEER_INVALID', 'addresses: expected a list of host:port');
}

/** Never with its token hash; a copy, since those of the table are frozen. */
function shown({ tokenHash: _hidden, ...entry }: PeerEntry): Static<typeof Peer> {
  return structuredClone(entry) as Static<typeof Peer>;
}

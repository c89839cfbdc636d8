/** A running node with its operators, each on a session of his own. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { CallError } from '@alknet/sdk';
import type { Session } from '@alknet/sdk/call';
import { makeToken, tokenHash } from '../../src/identity/index.ts';
import { type LabNode, labNode } from '../peers/support.ts';

export interface Lab {
  readonly node: LabNode;
  /** Has `host:admin`. */
  readonly root: Session;
  /** Has `host:read`. */
  readonly reader: Session;
  /** A peer without scopes, that is not connected. */
  readonly bob: LabNode;
}

export async function lab(t: TestContext, plugins: Record<string, string> = {}): Promise<Lab> {
  const [node, root, reader, bob] = await Promise.all(
    ['node', 'root', 'reader', 'bob'].map((name) => labNode(t, name)),
  );
  assert.ok(node && root && reader && bob);
  await node.admit(root, ['host:admin']);
  await node.admit(reader, ['host:read']);
  await node.admit(bob);
  await node.start({ plugins });
  return { node, bob, root: await node.session(root.key), reader: await node.session(reader.key) };
}

/** The code of a refusal, or `ok`. */
export const code = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'ok',
    (error: CallError) => error.code,
  );

export const peersText = (node: LabNode) => readFile(join(node.folder, 'data/peers.json'), 'utf8');
export const configPath = (node: LabNode) => join(node.folder, 'alknet.config.json');

export interface Entry {
  readonly id: string;
  readonly [member: string]: unknown;
}

/** An entry as it stands in the file. */
export async function entryInFile(node: LabNode, id: string): Promise<Entry | undefined> {
  const { peers } = JSON.parse(await peersText(node)) as { peers: Entry[] };
  return peers.find((peer) => peer.id === id);
}

/** What the log says of changes by operation. */
export const records = (node: LabNode) => node.log().filter(({ event }) => event === 'host changed');

/** Every query of the host, with an input that it takes. */
export const reads: readonly [string, object][] = [
  ['host/status', {}],
  ['host/connections/list', {}],
  ['host/plugins/list', {}],
  ['host/peers/list', {}],
  ['host/tokens/list', {}],
  ['host/operations', {}],
  ['host/config/show', {}],
  ['host/config/validate', { text: '{}' }],
];

/** Every mutation of the host, with an input that its schema takes. */
export const changes: readonly [string, object][] = [
  ['host/connections/close', { id: 'none' }],
  ['host/plugins/enable', { name: 'none' }],
  ['host/plugins/disable', { name: 'none' }],
  ['host/plugins/reload', { name: 'none' }],
  ['host/peers/add', { id: 'eve' }],
  ['host/peers/set', { id: 'none', change: {} }],
  ['host/peers/remove', { id: 'none' }],
  ['host/peers/enable', { id: 'none' }],
  ['host/peers/disable', { id: 'none' }],
  ['host/tokens/create', { id: 'none', tokenHash: tokenHash(makeToken()) }],
  ['host/tokens/revoke', { id: 'none' }],
];

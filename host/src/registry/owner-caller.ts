/**
 * Operations composed by a plugin outside any call: its own authority is the parent. `docs/spec/registry.md` 7.
 *
 * @module
 */

import { randomUUID } from 'node:crypto';
import { CallError, type Caller, compileOperation, defineOperation, Type } from '@alknet/sdk';
import { CallNode } from './call-node.ts';
import { Composition } from './composition.ts';
import type { Owner, Registration } from './registration.ts';
import type { Registry } from './registry.ts';
import { OperationStats } from './stats.ts';

/** What the plugin does of itself, as the parent of what it composes. It is in no registry. */
const itself = defineOperation({
  name: 'session/plugin',
  type: 'query',
  access: 'public',
  input: Type.Object({}),
  output: Type.Null(),
  handler: () => null,
});

export function ownerCaller(registry: Registry, owner: Owner, signal: AbortSignal): Caller {
  const registration: Registration = {
    operation: itself,
    compiled: compileOperation(itself),
    owner,
    provenance: {
      kind: 'local',
      plugin: owner.provenance,
      loadedAt: new Date().toISOString(),
      revision: registry.base.revision,
    },
    stats: new OperationStats(),
  };
  const root = new CallNode({
    registration,
    requestId: randomUUID(),
    parent: undefined,
    identity: null,
    token: undefined,
    caller: null,
    forwardedFor: null,
    connection: null,
    hops: 0,
    overlays: [],
    deadline: undefined,
    onAbort: 'abort',
    internal: true,
  });
  signal.addEventListener('abort', () => root.stop(new CallError('ABORTED', 'aborted')), { once: true });
  const composition = new Composition(registry, root, []);
  return Object.freeze({
    invoke: composition.invoke.bind(composition),
    subscribe: composition.subscribe.bind(composition),
  });
}

/**
 * Which adapters an operation of this plugin speaks of: the module is one for all nodes of a process, its instances are
 * not.
 *
 * @module
 */

import { CallError, type OperationContext } from '@alknet/sdk';
import type { Adapters } from './adapters.ts';

/** By node, the newest instance last. */
const running = new Map<string, Adapters[]>();

/** Returns what ends it. */
export function announce(node: string, adapters: Adapters): () => void {
  running.set(node, [...(running.get(node) ?? []), adapters]);
  return () => {
    const left = (running.get(node) ?? []).filter((each) => each !== adapters);
    if (left.length === 0) running.delete(node);
    else running.set(node, left);
  };
}

/** @throws CallError `INTERNAL` when none run */
export async function adaptersOf({ env }: Pick<OperationContext, 'env'>): Promise<Adapters> {
  const nodes = [...running.keys()];
  const node = nodes.length === 1 ? nodes[0] : nodeOf(await env.invoke('host/status', {}));
  const adapters = node === undefined ? undefined : running.get(node)?.at(-1);
  if (adapters === undefined) throw new CallError('INTERNAL', 'no adapters run');
  return adapters;
}

function nodeOf(status: unknown): string | undefined {
  if (typeof status !== 'object' || status === null || !('id' in status)) return undefined;
  return typeof status.id === 'string' ? status.id : undefined;
}

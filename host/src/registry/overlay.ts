/**
 * Session overlays: operations that a handler adds for its own call tree. `docs/spec/registry.md` 10.
 *
 * @module
 */

import { type AnyOperation, CallError, checkOperation, compileOperation, OperationFault } from '@alknet/sdk';
import type { Registration } from './registration.ts';
import { OperationStats } from './stats.ts';

export const maxSessionOperations = 256;

export type Overlay = ReadonlyMap<string, Registration>;

/** Session operations run with at most the privilege of their maker, whose owner they share. @throws CallError */
export function sessionOverlay(
  maker: Registration,
  operations: readonly AnyOperation[],
  existing: number,
): Overlay {
  if (existing + operations.length > maxSessionOperations) {
    throw new CallError('INTERNAL', `a session overlay holds at most ${maxSessionOperations} operations`);
  }
  const overlay = new Map<string, Registration>();
  for (const operation of operations) {
    try {
      checkOperation(operation);
      if (overlay.has(operation.name)) throw new OperationFault(operation.name, 'given twice');
      const own: AnyOperation = { ...operation, visibility: 'internal' };
      overlay.set(operation.name, {
        operation: own,
        compiled: compileOperation(own),
        owner: maker.owner,
        provenance: Object.freeze({
          ...maker.provenance,
          kind: 'session',
          loadedAt: new Date().toISOString(),
        }),
        stats: new OperationStats(),
      });
    } catch (error) {
      if (error instanceof OperationFault) throw new CallError('INTERNAL', error.message, { cause: error });
      throw error;
    }
  }
  return overlay;
}

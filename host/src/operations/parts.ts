/**
 * What the host's own operations have in common: who may call them, how lists are paged, and the record that every
 * change leaves. `docs/spec/registry.md` 15 and 16.
 *
 * @module
 */

import { type OperationContext, Type } from '@alknet/sdk';

/** Scopes that may read the state of the node. */
export const readAccess = { anyScopes: ['host:read', 'host:admin', 'admin'] };
/** Scopes that may change it. */
export const adminAccess = { anyScopes: ['host:admin', 'admin'] };

export const Text = Type.String();
export const Words = Type.Array(Text);
export const Count = Type.Integer({ minimum: 0 });
export const optional = Type.Optional;
/** A revision of a file or of the registry. */
export const Revision = Type.String({
  description: 'changes with every change, and is compared for equality only',
});

/** Members of the input of every list. */
export const paging = {
  after: optional(Type.String({ description: '`next` of the page before' })),
  limit: optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
};
/** Member of the output of every list, absent on its last page. */
export const next = optional(Text);

export interface Page {
  readonly after?: string | undefined;
  readonly limit?: number | undefined;
}

type Order = (a: string, b: string) => number;

export const byCodePoint: Order = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

/**
 * One page in the order of keys. The position is a key and no index, so what comes and goes between two pages moves
 * nothing else.
 */
export function paged<Row>(
  rows: readonly Row[],
  keyOf: (row: Row) => string,
  { after, limit = 100 }: Page,
  order: Order = byCodePoint,
): { readonly page: Row[]; readonly more: { next?: string } } {
  const rest = rows
    .filter((row) => after === undefined || order(keyOf(row), after) > 0)
    .sort((a, b) => order(keyOf(a), keyOf(b)));
  const page = rest.slice(0, limit);
  const last = page.at(-1);
  return { page, more: rest.length > page.length && last !== undefined ? { next: keyOf(last) } : {} };
}

/** Every mutation that changed something: the context adds operation, peer and request id. */
export function recordChange({ log }: OperationContext, touched: Readonly<Record<string, unknown>>): void {
  log.notice('host changed', touched);
}

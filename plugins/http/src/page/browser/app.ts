/** What a view is given, and what it is. */

import type { NodeLink } from './node.ts';
import type { OperationList } from './operation-list.ts';

export interface App {
  readonly node: NodeLink;
  readonly operations: OperationList;
  /** Says something to whoever looks, and to whoever listens. */
  tell(message: string, kind?: 'error'): void;
}

export interface View {
  readonly id: string;
  readonly title: string;
  /** The operation without which it has nothing to show; absent: none. */
  readonly needs?: string;
  /** Fills `main` until `left`; `rest` is what stands behind the id in the address. */
  show(app: App, main: HTMLElement, left: AbortSignal, rest: string): void;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The operations that the caller may use, as they are now. */

import { CallError } from '@alknet/sdk/browser';
import type { NodeLink } from './node.ts';

export interface Entry {
  readonly name: string;
  readonly namespace: string;
  readonly op_type: 'query' | 'mutation' | 'subscription';
  readonly description: string;
}

export type JsonSchema = boolean | { readonly [keyword: string]: unknown };

/** The members of `services/schema` that are shown. */
export interface Spec extends Entry {
  readonly title?: string;
  readonly input_schema: JsonSchema;
  readonly output_schema: JsonSchema;
  readonly error_schemas: readonly { readonly code: string; readonly description: string }[];
  readonly access_control: {
    readonly authenticated: boolean;
    readonly required_scopes: readonly string[];
    readonly required_scopes_any: readonly string[] | null;
    readonly resource_type: string | null;
    readonly resource_action: string | null;
  };
  readonly timeout_ms: number | null;
  readonly destructive?: boolean;
  readonly idempotent?: boolean;
}

interface Change {
  readonly reset: boolean;
  readonly added: readonly Entry[];
  readonly changed: readonly Entry[];
  readonly removed: readonly string[];
}

export class OperationList {
  readonly #node: NodeLink;
  readonly #entries = new Map<string, Entry>();
  readonly #listeners = new Set<() => void>();
  #following = new AbortController();

  constructor(node: NodeLink) {
    this.#node = node;
  }

  /** By name. */
  get all(): readonly Entry[] {
    return [...this.#entries.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  async spec(name: string): Promise<Spec> {
    return (await this.#node.call('services/schema', { name })) as Spec;
  }

  onChange(listener: () => void, signal: AbortSignal): void {
    this.#listeners.add(listener);
    signal.addEventListener('abort', () => this.#listeners.delete(listener));
  }

  /** Follows a new session. Resolves when the list is there. */
  follow(): Promise<void> {
    this.#following.abort();
    this.#following = new AbortController();
    const { signal } = this.#following;
    return new Promise((resolve) => {
      void this.#read(signal, resolve).catch((error: unknown) => {
        // A lost session is followed anew by whoever opens the next.
        if (!(error instanceof CallError)) throw error;
        resolve();
      });
    });
  }

  async #read(signal: AbortSignal, first: () => void): Promise<void> {
    for await (const value of this.#node.subscribe('services/watch', {}, signal)) {
      const { reset, added, changed, removed } = value as Change;
      if (reset) this.#entries.clear();
      for (const entry of [...added, ...changed]) this.#entries.set(entry.name, entry);
      for (const name of removed) this.#entries.delete(name);
      first();
      for (const listener of [...this.#listeners]) listener();
    }
  }
}

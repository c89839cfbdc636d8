/** A registry without a node: owners made by hand, identities from a table, a store in memory. */

import type { TestContext } from 'node:test';
import {
  type AnyOperation,
  type AuthContext,
  Capabilities,
  defineOperation,
  type Identity,
  type OperationContext,
  parsePattern,
  Type,
} from '@alknet/sdk';
import { captureLog, type LogLine, MemoryStore } from '@alknet/sdk/testing';
import type { Owner, Privilege, RegistrationKind } from '../../src/registry/registration.ts';
import { type Identities, Registry } from '../../src/registry/registry.ts';

export interface Rights {
  scopes?: string[];
  resources?: Record<string, string[]>;
}

export function identity(id: string, { scopes = [], resources = {} }: Rights = {}): Identity {
  return { id, scopes, resources };
}

export function authOf(who: Identity | null): AuthContext {
  return {
    alpn: 'alknet/call',
    transport: 'quic',
    remote: { address: '127.0.0.1', port: 50_000 },
    fingerprint: null,
    identity: who,
  };
}

/** Peers whose rights a test may change under way. */
export class TableOfPeers implements Identities {
  readonly changed = new Map<string, Identity | null>();
  readonly tokens = new Map<string, Identity>();
  readonly #listeners = new Set<() => void>();

  current(who: Identity): Identity | null {
    const changed = this.changed.get(who.id);
    return changed === undefined ? who : changed;
  }

  resolveToken(token: string): Identity | undefined {
    return this.tokens.get(token);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

export interface TestOwner extends Owner {
  privilege: Privilege;
  concurrency: number;
}

export interface OwnerOptions extends Rights {
  reach?: string[];
  secrets?: Record<string, string>;
  concurrency?: number;
}

export interface Fixture {
  readonly registry: Registry;
  readonly peers: TableOfPeers;
  readonly lines: LogLine[];
  owner(name: string, options?: OwnerOptions): TestOwner;
  /** An owner and its operations. */
  plugin(name: string, operations: readonly AnyOperation[], options?: OwnerOptions): TestOwner;
  /** Calls as from the wire. */
  as(who: Identity | null): ReturnType<Registry['gateway']>;
}

export function privilege(name: string, { scopes, resources, reach, secrets }: OwnerOptions): Privilege {
  return {
    authority: identity(`plugin:${name}`, { scopes: scopes ?? [], resources: resources ?? {} }),
    reach: (reach ?? []).flatMap((text) => parsePattern(text) ?? []),
    capabilities: Object.keys(secrets ?? {}),
  };
}

export function fixture(t: TestContext, limits = { callTimeout: 30_000, callTimeoutMax: 600_000 }): Fixture {
  const lines: LogLine[] = [];
  const log = captureLog(lines);
  const peers = new TableOfPeers();
  const registry = new Registry({ identities: peers, store: new MemoryStore(), limits, log });
  // Timers of deadlines keep no process alive; in a node its sockets do.
  const alive = setInterval(() => {}, 60_000);
  t.after(() => {
    registry.close();
    clearInterval(alive);
  });
  const owner = (name: string, options: OwnerOptions = {}): TestOwner => {
    let capabilities = new Capabilities();
    for (const [key, value] of Object.entries(options.secrets ?? {})) {
      capabilities = capabilities.withApiKey(key, value);
    }
    return {
      name,
      provenance: { name, version: '1.2.3', package: `@test/${name}`, integrity: `sha256-${name}` },
      privilege: privilege(name, options),
      capabilities,
      concurrency: options.concurrency ?? 1024,
      log: log.child({ plugin: name }),
    };
  };
  return {
    registry,
    peers,
    lines,
    owner,
    plugin: (name, operations, options) => {
      const made = owner(name, options);
      registry.publish(made, operations);
      return made;
    },
    as: (who) => registry.gateway(authOf(who)),
  };
}

/** Registers operations as an import would: leaves of that kind. */
export function publishLeaves(
  { registry }: Fixture,
  owner: Owner,
  operations: readonly AnyOperation[],
  kind: RegistrationKind = 'openapi',
): void {
  registry.base.publish(owner, registry.base.prepare(owner.name, operations), kind);
}

type Handler = (input: never, context: OperationContext) => unknown;

/** A query that takes and gives anything. */
export function query(name: string, handler: Handler, more: Partial<AnyOperation> = {}): AnyOperation {
  return { ...blank, name, handler: handler as AnyOperation['handler'], ...more };
}

const blank = defineOperation({
  name: 'blank/blank',
  type: 'query',
  access: 'public',
  input: Type.Unknown(),
  output: Type.Unknown(),
  handler: () => null,
});

/** A subscription that takes and gives anything. */
export function subscription(
  name: string,
  handler: (input: never, context: OperationContext) => AsyncGenerator<unknown, void, undefined>,
  more: Partial<AnyOperation> = {},
): AnyOperation {
  return { ...blank, name, type: 'subscription', handler: handler as AnyOperation['handler'], ...more };
}

/** A promise that a test settles. */
export function gate<Value = void>() {
  let open: (value: Value) => void = () => {};
  const passed = new Promise<Value>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}

/** Resolves when the signal is aborted, with its reason. */
export function abortOf(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason);
    else signal.addEventListener('abort', () => resolve(signal.reason), { once: true });
  });
}

export async function collect<Value>(values: AsyncIterable<Value>): Promise<Value[]> {
  const all: Value[] = [];
  for await (const value of values) all.push(value);
  return all;
}

/** What `assert.rejects` compares. */
export function refused(code: string, message?: string | RegExp) {
  return { name: 'CallError', code, ...(message === undefined ? {} : { message }) };
}

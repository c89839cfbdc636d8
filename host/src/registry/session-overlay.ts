/**
 * What a browser's session offers: learnt the first time that somebody asks for it, and held to its access rules.
 * `docs/spec/http.md` 15.3. Sessions of other protocols are between nodes, whose own registry checks.
 *
 * @module
 */

import {
  CallError,
  type CallerConnection,
  checkAccess,
  notFound,
  type OperationSpec,
  type RemoteCaller,
} from '@alknet/sdk';
import type { CallNode } from './call-node.ts';
import { privilegeOf } from './composition.ts';
import { discover } from './remote-operations.ts';

const browserTransports: ReadonlySet<string> = new Set(['websocket', 'webtransport']);

/** By session, as long as it lives. */
const overlays = new WeakMap<CallerConnection, SessionOverlay>();

/** `context.connection` of a call that came in on `connection`. */
export function reachedFrom(node: CallNode, connection: CallerConnection | null): CallerConnection | null {
  if (connection === null || !browserTransports.has(connection.transport)) return connection;
  let overlay = overlays.get(connection);
  if (overlay === undefined) {
    overlay = new SessionOverlay(connection);
    overlays.set(connection, overlay);
  }
  return overlay.as(node);
}

class SessionOverlay {
  readonly #connection: CallerConnection;
  #asked: Promise<ReadonlyMap<string, OperationSpec>> | undefined;

  constructor(connection: CallerConnection) {
    this.#connection = connection;
  }

  as(node: CallNode): CallerConnection {
    const connection = this.#connection;
    const admit = (name: string, input: unknown) => this.#admit(node, name, input);
    return Object.freeze<CallerConnection>({
      id: connection.id,
      transport: connection.transport,
      remote: connection.remote,
      call: async (name, input, options) => {
        await admit(name, input);
        return connection.call(name, input, options);
      },
      async *subscribe(name, input, options) {
        await admit(name, input);
        yield* connection.subscribe(name, input, options);
      },
    });
  }

  /** @throws CallError `NOT_FOUND`, `FORBIDDEN` */
  async #admit(node: CallNode, name: string, input: unknown): Promise<void> {
    const plain = name.startsWith('/') ? name.slice(1) : name;
    const operation = (await this.#offered()).get(plain);
    if (operation === undefined) throw notFound(plain);
    const { authority } = privilegeOf(node.facts.registration);
    const refusal = checkAccess(operation.access, authority, input, () => false);
    if (refusal !== undefined) throw refusal;
  }

  #offered(): Promise<ReadonlyMap<string, OperationSpec>> {
    this.#asked ??= this.#discover().catch((error: unknown) => {
      // Not an answer: the next one asks again.
      this.#asked = undefined;
      throw error;
    });
    return this.#asked;
  }

  async #discover(): Promise<ReadonlyMap<string, OperationSpec>> {
    try {
      const { operations } = await discover(asRemote(this.#connection), new AbortController().signal);
      return new Map(operations.map((operation) => [operation.name, operation]));
    } catch (error) {
      const cause = error instanceof Error ? error.cause : undefined;
      if (cause instanceof CallError && cause.code === 'NOT_FOUND') return new Map();
      const message = cause instanceof CallError ? cause.message : String(error);
      throw new CallError('INTERNAL', message === 'connection closed' ? message : 'session not understood', {
        cause: error,
      });
    }
  }
}

/** Discovery asks and no more: it is over before anybody could want to know whether the session is. */
function asRemote(connection: CallerConnection): RemoteCaller {
  return {
    call: (name, input, options) => connection.call(name, input, options),
    subscribe: (name, input, options) => connection.subscribe(name, input, options),
    closed: new Promise(() => {}),
  };
}

/**
 * A TCP listener that outlives the instance of the plugin which bound it: a reload starts the new instance while the old
 * one still runs, and neither an address that is taken nor a refused connection may come of it.
 *
 * @module
 */

import { createServer, type Server, type Socket } from 'node:net';
import type { RemoteAddress } from '@alknet/sdk';

type Accept = (socket: Socket) => void;

/** Whoever wants the connections; the newest has them. */
interface Owner {
  readonly accept: Accept;
  readonly failed: (error: Error) => void;
}

interface Shared {
  readonly server: Server;
  readonly owners: Owner[];
}

/** A reload brings a copy of this module of its own, so that the listeners stand where all copies find them. */
const registry = Symbol.for('@alknet/plugin-ssh listeners');
const held = globalThis as typeof globalThis & { [registry]?: Map<string, Shared> };

function shared(): Map<string, Shared> {
  held[registry] ??= new Map();
  return held[registry];
}

export class BoundListener {
  readonly #key: string;
  readonly #shared: Shared;
  readonly #owner: Owner;

  private constructor(key: string, from: Shared, owner: Owner) {
    this.#key = key;
    this.#shared = from;
    this.#owner = owner;
    from.owners.push(owner);
  }

  /**
   * Binds `host:port`, or takes the listener over from the instance of the same node that has it.
   *
   * @throws Error of the bind
   */
  static async open(node: string, text: string, owner: Owner): Promise<BoundListener> {
    const [, bracketed, plain, digits] = /^(?:\[(.+)\]|(.+)):(\d+)$/.exec(text) ?? [];
    const port = Number(digits);
    // A port that the system chooses is another one each time.
    const key = port === 0 ? '' : `${node} ${text}`;
    const known = shared().get(key);
    if (known !== undefined) return new BoundListener(key, known, owner);
    const owners: Owner[] = [];
    const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true });
    server.on('connection', (socket) => owners.at(-1)?.accept(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(new Error(`listen: ${text} cannot be bound: ${error.message}`)));
      server.listen({ host: bracketed ?? plain, port }, resolve);
    });
    server.on('error', (error) => owners.at(-1)?.failed(error));
    const made = { server, owners };
    if (key !== '') shared().set(key, made);
    return new BoundListener(key, made, owner);
  }

  get address(): RemoteAddress | undefined {
    const address = this.#shared.server.address();
    return typeof address === 'object' && address !== null
      ? { address: address.address, port: address.port }
      : undefined;
  }

  /** Lets go of it; the one that had it before has it again, and without any it is closed. Once. */
  close(): void {
    const { owners, server } = this.#shared;
    const at = owners.indexOf(this.#owner);
    if (at < 0) return;
    owners.splice(at, 1);
    if (owners.length > 0) return;
    server.close();
    if (this.#key !== '') shared().delete(this.#key);
  }
}

/** Where the in-memory engine is dialled: the server's half of the handshake, which asks the policy as a real one does. */

import type { RemoteAddress } from '@alknet/sdk';
import type {
  ClientHello,
  HandshakeFailure,
  ListenOptions,
  ServerParameters,
  Slot,
  TransportConnection,
  TransportKind,
  TransportListener,
  TransportTuning,
} from '../../../src/endpoint/engine.ts';
import { bytesBetween, MemoryConnection } from './connection.ts';
import type { MemoryNetwork, Place } from './network.ts';
import { provenChain } from './proof.ts';

/** What a client hears after its ClientHello. */
export type Answer = 'silence' | 'refused' | 'no alpn' | 'unusable' | ServerHandshake;

/** What the server has shown, until the client answers it. */
export interface ServerHandshake {
  readonly alpn: string;
  readonly chain: readonly Uint8Array[];
  /** The client shows `certificate`, PEM proven; both ends, or why not. */
  finish(client: ClientSide): MemoryConnection | 'certificate' | 'gone';
  drop(cause: HandshakeFailure): void;
}

export interface ClientSide {
  readonly remote: RemoteAddress;
  readonly hello: ClientHello;
  /** DER, leaf first; `undefined`: shown without its key. */
  readonly chain: readonly Uint8Array[] | undefined;
  readonly tuning: TransportTuning;
}

export class MemoryListener implements TransportListener, Place {
  readonly transport: TransportKind;
  readonly kind: TransportKind;
  readonly host: string;
  readonly port: number;
  readonly dropped: Record<string, number> = {};
  readonly #options: ListenOptions;
  readonly #network: MemoryNetwork<MemoryListener>;
  readonly #handshakes = new Set<ServerHandshake>();
  readonly #connections = new Set<TransportConnection>();
  #draining = false;

  constructor(kind: TransportKind, network: MemoryNetwork<MemoryListener>, options: ListenOptions) {
    this.transport = kind;
    this.kind = kind;
    this.host = options.host;
    this.port = options.port === 0 ? network.freePort() : options.port;
    this.#options = options;
    this.#network = network;
    network.bind(this);
  }

  get address(): RemoteAddress {
    return { address: this.host === '*' ? '::' : this.host, port: this.port };
  }

  /** A ClientHello has come. */
  greet(remote: RemoteAddress, hello: ClientHello): Answer {
    const { policy, filter, fallbackAlpn } = this.#options;
    if (this.#draining) return 'refused';
    const slot = policy.admit(this.kind, remote);
    if (slot === undefined) return 'refused';
    const parameters = policy.parameters(this.kind, hello, this.address, filter);
    if (parameters === undefined) {
      slot.release('certificate');
      return 'silence';
    }
    const offered =
      hello.alpns.length === 0 && this.kind === 'tls' && fallbackAlpn ? [fallbackAlpn] : hello.alpns;
    const alpn = parameters.alpns.find((name) => offered.includes(name));
    if (alpn === undefined) {
      slot.release('alpn');
      return 'no alpn';
    }
    try {
      return this.#begin(alpn, parameters, slot);
    } catch {
      slot.release('certificate');
      return 'unusable';
    }
  }

  #begin(alpn: string, parameters: ServerParameters, slot: Slot): ServerHandshake {
    const chain = provenChain(parameters.certificate);
    const drop = (cause: HandshakeFailure) => {
      clearTimeout(timer);
      if (this.#handshakes.delete(handshake)) slot.release(cause);
    };
    const handshake: ServerHandshake = {
      alpn,
      chain,
      drop,
      finish: (client) => {
        if (!this.#handshakes.has(handshake)) return 'gone';
        const wanted = parameters.clientCertificate;
        const shown = wanted === 'none' ? [] : client.chain;
        if (shown === undefined || (wanted === 'demand' && shown.length === 0)) {
          drop('certificate');
          return 'certificate';
        }
        clearTimeout(timer);
        this.#handshakes.delete(handshake);
        return this.#accept(handshake, { ...client, chain: shown }, slot);
      },
    };
    const timer = setTimeout(() => drop('timeout'), this.#options.policy.handshakeTimeout);
    this.#handshakes.add(handshake);
    return handshake;
  }

  #accept(
    { alpn, chain }: ServerHandshake,
    client: ClientSide & { chain: readonly Uint8Array[] },
    slot: Slot,
  ) {
    const { serverName } = client.hello;
    const ends = { transport: this.kind, alpn, serverName } as const;
    const [near, far] = bytesBetween(this.kind, client.tuning, this.#options.tuning);
    const local = { ...this.address, address: client.remote.address };
    const accepted = new MemoryConnection(far, {
      ...ends,
      local,
      remote: client.remote,
      chain: client.chain,
    });
    this.#connections.add(accepted);
    void accepted.closed.then(() => this.#connections.delete(accepted));
    this.#options.policy.accepted(accepted, slot);
    return new MemoryConnection(near, { ...ends, local: client.remote, remote: local, chain });
  }

  drain(): void {
    this.#draining = true;
    for (const { drop } of [...this.#handshakes]) drop('draining');
  }

  async close(): Promise<void> {
    this.drain();
    this.#network.release(this);
    for (const connection of this.#connections) connection.close(0, '', 'host');
    await Promise.all([...this.#connections].map(({ closed }) => closed));
  }
}

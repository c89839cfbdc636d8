/**
 * Connections in a plugin's thread: the sdk's own class over streams that cross the port. `docs/spec/endpoint.md` 3.
 *
 * @module
 */

import {
  CarriedConnection,
  type Carrier,
  type CloseInfo,
  type Connection,
  connectionClosed,
  type Identity,
  type OpenStreamOptions,
  type Stream,
} from '@alknet/sdk';
import { PortStream } from '../port-stream.ts';
import type { ConnectionData } from '../protocol.ts';
import type { HostLink, HostObjects } from './thread.ts';

/** Milliseconds that written data has to leave once the plugin is done with a connection. */
const flushTime = 1000;
const flushLook = 10;

class PortCarrier implements Carrier {
  readonly multiplexed: boolean;
  readonly closed: Promise<CloseInfo>;
  readonly #link: HostLink;
  readonly #number: number;
  readonly #streams = new Set<PortStream>();
  #onStream: ((stream: Stream) => void) | undefined;
  #report: (info: CloseInfo) => void = () => {};
  #over: CloseInfo | undefined;

  constructor(link: HostLink, { number, multiplexed }: ConnectionData) {
    this.#link = link;
    this.#number = number;
    this.multiplexed = multiplexed;
    this.closed = new Promise((resolve) => {
      this.#report = resolve;
    });
  }

  serve(onStream: (stream: Stream) => void): void {
    this.#onStream = onStream;
    this.#link.tell('connectionServe', this.#number);
  }

  arrived(number: number, id: number): void {
    this.#onStream?.(this.#stream(number, id));
  }

  async openStream({ signal }: OpenStreamOptions = {}): Promise<Stream> {
    if (this.#over !== undefined) throw connectionClosed(this.#over);
    const { stream, id } = await this.#link.call('connectionOpen', [this.#number], { signal });
    const opened = this.#stream(stream, id);
    if (this.#over !== undefined) opened.cut(connectionClosed(this.#over));
    return opened;
  }

  close(code: number, reason: string, by: 'local' | 'host' = 'local'): void {
    if (this.#over !== undefined) return;
    this.#link.tell('connectionClose', this.#number, code, reason);
    this.#finish({ code, reason, by });
  }

  /** The host has seen its end. */
  ended(info: CloseInfo): void {
    if (this.#over !== undefined) return;
    // A single stream that ended in order may still have what its reader has not taken.
    const behind = this.multiplexed ? [] : [...this.#streams].filter(({ complete }) => complete);
    if (behind.length === 0) return this.#finish(info);
    for (const stream of behind) stream.once('close', () => this.#finish(info));
  }

  /** Written data has been handed to the host, or a second has passed. */
  async flushed(): Promise<void> {
    const until = performance.now() + flushTime;
    const writing = () => [...this.#streams].some(({ writableLength }) => writableLength > 0);
    while (this.#over === undefined && writing() && performance.now() < until)
      await new Promise((resolve) => setTimeout(resolve, flushLook));
  }

  #finish(info: CloseInfo): void {
    if (this.#over !== undefined) return;
    this.#over = info;
    const error = connectionClosed(info);
    for (const stream of this.#streams) stream.cut(error);
    this.#report(info);
  }

  #stream(number: number, id: number): PortStream {
    const stream = new PortStream(this.#link, number, id);
    this.#streams.add(stream);
    stream.once('close', () => this.#streams.delete(stream));
    return stream;
  }
}

class PortConnection extends CarriedConnection {
  readonly number: number;
  readonly ends: PortCarrier;
  readonly #identified: (identity: Identity) => void;

  constructor(link: HostLink, objects: HostObjects, data: ConnectionData) {
    const { id, alpn, transport, remote, serverName } = data;
    const ends = new PortCarrier(link, data);
    super(ends, { id, alpn, transport, remote, serverName, auth: objects.auth(data.auth) });
    this.number = data.number;
    this.ends = ends;
    this.#identified = (identity) =>
      link.tell('connectionIdentify', data.number, objects.identityData(identity));
  }

  override identify(identity: Identity): void {
    super.identify(identity);
    this.#identified(identity);
  }
}

export class PortConnections {
  readonly #link: HostLink;
  readonly #objects: HostObjects;
  /** Until the host has seen their end. */
  readonly #connections = new Map<number, PortConnection>();
  /** Dialled ones that were over before this thread had taken them. */
  readonly #overEarly = new Map<number, CloseInfo>();

  constructor(link: HostLink, objects: HostObjects) {
    this.#link = link;
    this.#objects = objects;
  }

  /** The connection that the host shares. */
  take(data: ConnectionData): Connection {
    const connection = new PortConnection(this.#link, this.#objects, data);
    const over = this.#overEarly.get(data.number);
    if (over === undefined) this.#connections.set(data.number, connection);
    else connection.ends.ended(over);
    this.#overEarly.delete(data.number);
    return connection;
  }

  /** Serves it with the plugin; settles when that is done with it and its last data has left. */
  async serve(data: ConnectionData, serve: (connection: Connection) => unknown): Promise<void> {
    const connection = this.take(data);
    await serve(connection);
    await this.#connections.get(data.number)?.ends.flushed();
  }

  arrived(number: number, stream: number, id: number): void {
    const connection = this.#connections.get(number);
    // Closed here in the moment in which the stream came.
    if (connection === undefined) new PortStream(this.#link, stream, id).destroy();
    else connection.ends.arrived(stream, id);
  }

  letGo(number: number, reason: unknown): void {
    this.#connections.get(number)?.letGo(reason);
  }

  closed(number: number, info: CloseInfo): void {
    const connection = this.#connections.get(number);
    if (connection === undefined) this.#overEarly.set(number, info);
    connection?.ends.ended(info);
    this.#connections.delete(number);
  }

  /** Of one of these, however the plugin came to have it. */
  numberOf(connection: Connection): number | undefined {
    return connection instanceof PortConnection ? connection.number : undefined;
  }
}

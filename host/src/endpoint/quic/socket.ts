/**
 * A UDP socket with a pool of send buffers. `node:dgram` may keep a buffer until its send is done, so each datagram has
 * one of its own until then.
 *
 * @module
 */

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { RemoteAddress } from '@alknet/sdk';
import { isV6, plainAddress } from '../address.ts';
import { maxSendPayload } from './config.ts';
import type { DatagramSink } from './connection.ts';

/** The kernel may give less (net.core.rmem_max). */
const socketBuffer = 4 * 1024 * 1024;
const maxPooled = 256;
/** Datagrams that the system has not taken yet, 16 000 bytes each; what comes on top is dropped, as on any full queue. */
export const maxOutstanding = 8192;

export class QuicSocket implements DatagramSink {
  readonly address: RemoteAddress;
  readonly #socket: Socket;
  readonly #pool: Buffer[] = [];
  readonly #dualStack: boolean;
  readonly #onError: (error: NodeJS.ErrnoException) => void;
  /** The one remote of a connected socket. */
  #connected = false;
  #next: Buffer | undefined;
  #outstanding = 0;
  #closed: Promise<void> | undefined;

  private constructor(socket: Socket, dualStack: boolean, onError: (error: NodeJS.ErrnoException) => void) {
    this.#socket = socket;
    this.#dualStack = dualStack;
    this.#onError = onError;
    const { address, port } = socket.address();
    this.address = { address: plainAddress(address), port };
  }

  /**
   * `host`: an IP address, or `*` for all addresses of both families. `onError` is told of every datagram that the system
   * did not send, but for those that are too large, and of what it reports when it receives.
   * @throws the bind error of the system
   */
  static bind(
    host: string,
    port: number,
    onDatagram: (data: Buffer, remote: RemoteAddress) => void,
    onError: (error: NodeJS.ErrnoException) => void,
  ): Promise<QuicSocket> {
    const dualStack = host === '*';
    const socket = createSocket({
      type: dualStack || isV6(host) ? 'udp6' : 'udp4',
      ipv6Only: false,
      recvBufferSize: socketBuffer,
      sendBufferSize: socketBuffer,
      // Addresses are numbers already: no look-up, which would cost a tick for each datagram.
      lookup: (name, _options, done) => done(null, name, isV6(name) ? 6 : 4),
    });
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.bind({ address: dualStack ? '::' : host, port }, () => {
        socket.removeListener('error', reject);
        socket.on('error', onError);
        socket.on('message', (data: Buffer, info: RemoteInfo) => {
          onDatagram(data, { address: plainAddress(info.address), port: info.port });
        });
        resolve(new QuicSocket(socket, dualStack, onError));
      });
    });
  }

  /**
   * Sends to and receives from `remote` only, so that the system tells what the network says of it: `ECONNREFUSED` after
   * an ICMP message (RFC 9000 14.2.1 bounds what may be believed of one).
   * @throws the error of the system: no route, no such address
   */
  async connect({ address, port }: RemoteAddress): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      // Node hands a failure to the callback, and raises no event then.
      this.#socket.connect(port, address, (error?: Error) => {
        if (error === undefined) resolve();
        else reject(error);
      });
    });
    this.#connected = true;
  }

  buffer(): Buffer {
    this.#next ??= this.#pool.pop() ?? Buffer.allocUnsafeSlow(maxSendPayload);
    return this.#next;
  }

  send(length: number, remote: RemoteAddress, tooLarge: () => void = () => {}): void {
    const buffer = this.buffer();
    this.#next = undefined;
    this.#sendBytes(buffer, length, remote, (error) => {
      if (this.#pool.length < maxPooled) this.#pool.push(buffer);
      if (error !== null && error !== undefined) this.#failed(error, tooLarge);
    });
  }

  /** A datagram that belongs to no connection. */
  sendStateless(datagram: Uint8Array, remote: RemoteAddress): void {
    this.#sendBytes(datagram, datagram.length, remote, (error) => {
      if (error !== null && error !== undefined) this.#onError(error);
    });
  }

  #failed(error: NodeJS.ErrnoException, tooLarge: () => void): void {
    if (error.code === 'EMSGSIZE') tooLarge();
    else this.#onError(error);
  }

  #sendBytes(
    bytes: Uint8Array,
    length: number,
    { address, port }: RemoteAddress,
    done: (error?: NodeJS.ErrnoException | null) => void,
  ): void {
    if (this.#closed !== undefined || this.#outstanding >= maxOutstanding) return done();
    const to = this.#dualStack && !isV6(address) ? `::ffff:${address}` : address;
    // A datagram that the system would not send is a lost one: loss recovery deals with it.
    this.#outstanding++;
    const settled = (error: NodeJS.ErrnoException | null) => {
      this.#outstanding--;
      done(error);
    };
    if (this.#connected) this.#socket.send(bytes, 0, length, settled);
    else this.#socket.send(bytes, 0, length, port, to, settled);
  }

  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => this.#socket.close(() => resolve()));
    return this.#closed;
  }

  unref(): void {
    this.#socket.unref();
  }
}

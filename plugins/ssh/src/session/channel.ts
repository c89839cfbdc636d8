/**
 * One SSH channel as a Duplex with back-pressure and half-close, and its second way out for error output. What the
 * other side may send is bounded by the window, what waits here by the buffers of the stream. RFC 4254 5.
 *
 * @module
 */

import { Duplex, Writable } from 'node:stream';
import type { SshStream } from '../transport/stream.ts';

/** Bytes that the other side may send before it is read. */
export const windowSize = 2 * 1024 * 1024;
/** Bytes of one packet's data. */
export const packetSize = 32 * 1024;
/** The window is opened again when so much of it has been read. */
const adjustAt = windowSize / 2;
/** Bytes that wait for the window of the other side; with what node buffers besides far below 2 MiB. */
const highWaterMark = 256 * 1024;

const stderrType = 1;

export interface ChannelEnds {
  readonly local: number;
  readonly remote: number;
  readonly remoteWindow: number;
  readonly remotePacketSize: number;
}

interface Outgoing {
  data: Buffer;
  readonly toStderr: boolean;
  readonly done: (error?: Error | null) => void;
}

export class Channel extends Duplex {
  readonly id: number;
  readonly #remote: number;
  readonly #stream: SshStream;
  readonly #forget: () => void;
  readonly #maxPacket: number;
  #remoteWindow: number;
  #localWindow = windowSize;
  #outgoing: Outgoing[] = [];
  #sentEof = false;
  #sentClose = false;
  #gotEof = false;
  #gotClose = false;
  #held = false;
  #beforeEof: () => void = () => {};
  /** Extended data type 1. */
  readonly stderr: Writable;
  /** Resolves when the other side has closed the channel, or the connection is over. */
  readonly gone: Promise<void>;
  #leave: () => void = () => {};

  /** `forget` is called once, when neither side knows the channel any more. */
  constructor(stream: SshStream, ends: ChannelEnds, forget: () => void) {
    super({ highWaterMark, allowHalfOpen: true, emitClose: true });
    this.id = ends.local;
    this.#stream = stream;
    this.#remote = ends.remote;
    this.#remoteWindow = ends.remoteWindow;
    // A peer that says 0 could never be sent anything.
    this.#maxPacket = Math.min(packetSize, Math.max(1, ends.remotePacketSize));
    this.#forget = forget;
    this.stderr = new Writable({
      highWaterMark,
      write: (chunk: Buffer, _encoding, done) => this.#queue(chunk, true, done),
    });
    this.stderr.on('error', () => {});
    // Nobody may be listening any more when the connection goes.
    this.on('error', () => {});
    this.gone = new Promise((resolve) => {
      this.#leave = resolve;
    });
  }

  /** Bytes that wait to be sent, for the promise that they are bounded. */
  get waiting(): number {
    return this.writableLength + this.stderr.writableLength;
  }

  /** Sends no data until {@link release}: an answer goes first. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    this.pump();
  }

  /** Success or failure of a request that wants to know. */
  answer(success: boolean): void {
    if (this.#sentClose) return;
    this.#stream.send((protocol) =>
      success ? protocol.channelSuccess(this.#remote) : protocol.channelFailure(this.#remote),
    );
  }

  /** Ends with an exit status, or the name of a signal without `SIG`, after all output. */
  finish(result: { readonly status: number } | { readonly signal: string }): void {
    this.#beforeEof = () =>
      this.#stream.send((protocol) => {
        if ('status' in result) protocol.exitStatus(this.#remote, result.status);
        else protocol.exitSignal(this.#remote, result.signal, false, '');
      });
    const close = () => this.end(() => this.destroy());
    if (this.stderr.writableFinished || this.stderr.destroyed) close();
    else this.stderr.end(close);
  }

  /** What came in for this channel. `false`: more than the window allows. */
  receive(data: Buffer): boolean {
    this.#localWindow -= data.length;
    if (this.#localWindow < 0) return false;
    if (!this.#gotEof && !this.destroyed) this.push(data);
    else this.#localWindow += data.length;
    this.#adjust();
    return true;
  }

  /** Extended data has no reader on a server; it counts, and is dropped. */
  receiveExtended(length: number): boolean {
    if (length > this.#localWindow) return false;
    this.#stream.send((protocol) => protocol.channelWindowAdjust(this.#remote, length));
    return true;
  }

  /** `false`: the window would be above 2^32 - 1, RFC 4254 5.2. */
  opened(bytes: number): boolean {
    this.#remoteWindow += bytes;
    if (this.#remoteWindow > 0xffff_ffff) return false;
    this.pump();
    return true;
  }

  remoteEof(): void {
    if (this.#gotEof) return;
    this.#gotEof = true;
    if (!this.destroyed) this.push(null);
  }

  /** The other side takes nothing more; what it has sent can still be read. */
  remoteClose(): void {
    this.#gotClose = true;
    this.#sendClose();
    this.remoteEof();
    this.#leave();
    const failure = new Error('the channel was closed by the other side');
    this.#fail(failure);
    if (this.readableEnded || this.destroyed) this.destroy();
    else this.once('end', () => this.destroy());
  }

  /** The connection is over. */
  lost(): void {
    this.#gotClose = true;
    this.#sentClose = true;
    this.#leave();
    this.destroy(new Error('the connection is over'));
  }

  /** Sends what the window and the stream allow. */
  pump(): void {
    if (this.#held) return;
    for (let next = this.#outgoing[0]; next !== undefined; next = this.#outgoing[0]) {
      while (next.data.length > 0 && this.#remoteWindow > 0 && !this.#stream.blocked) this.#sendPart(next);
      if (next.data.length > 0) return;
      this.#outgoing.shift();
      next.done();
    }
  }

  #sendPart(next: Outgoing): void {
    const size = Math.min(next.data.length, this.#remoteWindow, this.#maxPacket);
    const part = next.data.subarray(0, size);
    next.data = next.data.subarray(size);
    this.#remoteWindow -= size;
    this.#stream.traffic();
    this.#stream.send((protocol) => {
      if (next.toStderr) protocol.channelExtData(this.#remote, part, stderrType);
      else protocol.channelData(this.#remote, part);
    });
  }

  #queue(data: Buffer, toStderr: boolean, done: Outgoing['done']): void {
    if (this.#sentClose || this.#sentEof) {
      done(new Error('the channel is closed'));
      return;
    }
    this.#outgoing.push({ data, toStderr, done });
    this.pump();
  }

  #fail(error: Error): void {
    const outgoing = this.#outgoing;
    this.#outgoing = [];
    for (const { done } of outgoing) done(error);
  }

  #adjust(): void {
    if (this.#gotEof || this.#sentClose) return;
    const read = windowSize - this.#localWindow - this.readableLength;
    if (read < adjustAt) return;
    this.#localWindow += read;
    this.#stream.send((protocol) => protocol.channelWindowAdjust(this.#remote, read));
  }

  #sendClose(): void {
    if (this.#sentClose) return;
    this.#sentClose = true;
    this.#stream.send((protocol) => protocol.channelClose(this.#remote));
  }

  override _read(): void {
    this.#adjust();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#queue(chunk, false, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    if (!this.#sentClose && !this.#sentEof) {
      this.#beforeEof();
      this.#sentEof = true;
      this.#stream.send((protocol) => protocol.channelEOF(this.#remote));
    }
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#sendClose();
    this.#fail(error ?? new Error('the channel is closed'));
    this.stderr.destroy();
    // The number is free when both sides have closed.
    if (this.#gotClose) this.#forget();
    else void this.gone.then(() => this.#forget());
    done(error);
  }
}

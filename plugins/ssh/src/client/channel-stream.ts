/**
 * A channel of `ssh2` as a Duplex that keeps Node's contract.
 *
 * The library's own channel closes both directions when a server ends its writing one, never calls back a write that the
 * other side's close overtook, and has no `destroy` in the sense of streams. Half-close in both directions
 * (`docs/spec/ssh.md` 7.6) and back-pressure need all three. The server of this plugin has channels of its own.
 *
 * @module
 */

import { Duplex } from 'node:stream';
import type { Channel } from 'ssh2';

/** What the library has and its types leave out. */
interface EofChannel extends Channel {
  eof(): void;
}

export class ChannelStream extends Duplex {
  readonly #channel: EofChannel;

  constructor(channel: Channel) {
    // The SSH window is the buffer; this one only keeps a read from waiting for a turn.
    super({ allowHalfOpen: true, autoDestroy: true, highWaterMark: 64 * 1024 });
    this.#channel = channel as EofChannel;
    channel.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) channel.pause();
    });
    channel.once('end', () => this.push(null));
    channel.once('close', () => this.destroy());
    channel.on('error', (error: Error) => this.destroy(error));
  }

  override _read(): void {
    this.#channel.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#channel.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#channel.eof();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#channel.close();
    this.#channel.resume();
    done(error);
  }
}

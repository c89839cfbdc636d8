/**
 * A channel handed to the plugin of another protocol. `docs/spec/ssh.md` 5.
 *
 * @module
 */

import { Duplex } from 'node:stream';
import type { CloseInfo } from '@alknet/sdk';
import type { Channel } from './channel.ts';

/**
 * What the other plugin holds in the place of the channel: its end is not yet the channel's, because the exit status,
 * which only the end of the hand-over tells, goes before it.
 */
class HandedOver extends Duplex {
  readonly #channel: Channel;

  constructor(channel: Channel) {
    super({ allowHalfOpen: true });
    this.#channel = channel;
    this.on('error', () => {});
    channel.on('data', (chunk: Buffer) => {
      if (!this.readableEnded && !this.destroyed && !this.push(chunk)) channel.pause();
    });
    channel.on('end', () => this.endInput());
    channel.on('close', () => this.destroy());
    void channel.gone.then(() => {
      if (channel.readableEnded || channel.destroyed) this.destroy();
    });
  }

  #inputEnded = false;

  endInput(): void {
    if (this.#inputEnded || this.destroyed) return;
    this.#inputEnded = true;
    this.push(null);
  }

  override _read(): void {
    this.#channel.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#channel.write(chunk, done);
  }

  /** A service that has said its last needs no more input. */
  override _final(done: (error?: Error | null) => void): void {
    this.endInput();
    done();
  }
}

export interface Handover {
  /** Bytes that the other plugin reads before those of the client. */
  readonly preface: Buffer | undefined;
  /** Exit status when the stream ended in error. */
  readonly failure: number;
  dispatch(stream: Duplex): Promise<CloseInfo>;
}

/** `accepted` is called before the first byte. `false` when nobody takes it; the channel is then as it was. */
export async function handOver(channel: Channel, handover: Handover, accepted: () => void): Promise<boolean> {
  const stream = new HandedOver(channel);
  channel.pause();
  if (handover.preface !== undefined) stream.push(handover.preface);
  channel.hold();
  const over = handover.dispatch(stream).then(
    ({ code }) => ({ code, refused: false }),
    () => ({ code: -1, refused: true }),
  );
  // A refusal comes at once, the end of a service later.
  const first = await Promise.race([
    over,
    new Promise<undefined>((resolve) => setImmediate(() => resolve(undefined))),
  ]);
  if (first?.refused === true) {
    channel.removeAllListeners('data');
    channel.release();
    return false;
  }
  accepted();
  channel.release();
  void over.then(({ code }) => channel.finish({ status: code === 0 ? 0 : handover.failure }));
  return true;
}

/**
 * One end of an in-memory stream with the rules of `docs/spec/endpoint.md` 4: back-pressure, half-close, reset, stop.
 *
 * @module
 */

import { Duplex } from 'node:stream';
import { ConnectionError, StreamCode } from '../errors.ts';

type Done = (error?: Error | null) => void;

export class MemoryStream extends Duplex {
  readonly id: number;
  /** Called once, when the first byte or the end makes the stream visible to the peer. */
  onVisible: () => void = () => {};
  visible: boolean;
  private other: MemoryStream | undefined;
  /** The peer's write, held until our reader wants more: that is the back-pressure. */
  private heldWrite: Done | undefined;
  private endReceived = false;
  private stopped: ConnectionError | undefined;
  /** The connection is over: nothing of this stream crosses any more. */
  private isCut = false;

  /** `accepted`: this is the end that the peer opened, so the peer sees it already. */
  constructor(id: number, highWaterMark: number, accepted: boolean) {
    super({ allowHalfOpen: true, highWaterMark });
    this.id = id;
    this.visible = accepted;
    this.on('error', () => {});
  }

  join(other: MemoryStream): void {
    this.other = other;
  }

  /** Destroys this end alone, as the end of its connection does. `spare`: only after what came whole has been read. */
  cut(error: Error, spare = false): void {
    this.isCut = true;
    if (spare && this.endReceived && !this.readableEnded) this.once('end', () => this.destroy(error));
    else this.destroy(error);
  }

  /** Resolves when all that was written has crossed, or the stream is over. */
  async flushed(): Promise<void> {
    if (this.writableLength === 0 || this.destroyed) return;
    await new Promise<void>((resolve) => {
      this.once('finish', resolve).once('close', resolve);
      // Answered in its turn, also when so little is buffered that no `drain` will come.
      if (!this.writableEnded) this.write('', () => resolve());
    });
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    if (this.stopped !== undefined) done(this.stopped);
    else this.cross((other) => other.receive(Buffer.from(chunk), done), done);
  }

  override _final(done: Done): void {
    this.cross((other) => other.receiveEnd(), done);
    done();
  }

  override _read(): void {
    const done = this.heldWrite;
    this.heldWrite = undefined;
    done?.();
  }

  override _destroy(error: Error | null, done: Done): void {
    const code = (error as { streamCode?: unknown } | null)?.streamCode;
    const streamCode = typeof code === 'number' ? code : StreamCode.CANCELLED;
    const givenUp = !(this.writableFinished && this.readableEnded);
    if (givenUp && this.visible && !this.isCut) {
      const resets = !this.writableFinished;
      this.cross((other) => other.abandoned(streamCode, resets));
    }
    this._read();
    done(error);
  }

  /** In a later turn, like a network: both sides may write from within their data handlers without recursion. */
  private cross(arrive: (other: MemoryStream) => void, undeliverable: Done = () => {}): void {
    if (!this.visible) {
      this.visible = true;
      this.onVisible();
    }
    const { other } = this;
    queueMicrotask(() => {
      if (other === undefined || other.destroyed || other.isCut) undeliverable();
      else arrive(other);
    });
  }

  private receive(chunk: Buffer, done: Done): void {
    if (this.push(chunk)) done();
    else this.heldWrite = done;
  }

  private receiveEnd(): void {
    this.endReceived = true;
    this.push(null);
  }

  /** The peer gave the stream up: what it would still have sent is lost, and it takes nothing more. */
  private abandoned(streamCode: number, resets: boolean): void {
    this.stopped = new ConnectionError(
      'STREAM_STOPPED',
      `the peer takes no more data on stream ${this.id}, code ${streamCode}`,
      {
        streamCode,
      },
    );
    if (resets && !this.endReceived) {
      this.isCut = true;
      this.destroy(
        new ConnectionError('STREAM_RESET', `the peer reset stream ${this.id}, code ${streamCode}`, {
          streamCode,
        }),
      );
    }
  }
}

/**
 * One SFTP session on a byte stream: greeting, requests in, answers out, an end that leaves nothing open.
 * `docs/spec/sftp.md` 4.
 *
 * @module
 */

import type { Duplex } from 'node:stream';
import {
  BadFrameLength,
  decodePacket,
  encodePacket,
  FrameDecoder,
  MalformedPacket,
  offeredExtensions,
  PacketType,
} from '../codec/index.ts';
import type { FileSystem } from './file-system.ts';
import { statusReply } from './replies.ts';
import { Abandoned, Requests } from './requests.ts';
import { badMessage, isSystemError, StatusError, statusOf, unsupported } from './status.ts';

export interface SessionOptions {
  /** Bytes of the largest frame. */
  readonly maxPacket: number;
  /** Requests that have been read and whose answer has not been taken. */
  readonly maxInFlight: number;
  readonly maxHandles: number;
  /** Milliseconds to the first packet. */
  readonly greetingTimeout: number;
  /** Milliseconds without a request. */
  readonly idleTimeout: number;
  /** What is no fault of the client nor of its files. */
  readonly onDefect?: (error: unknown) => void;
}

/** Why a session ended, for the log. */
export type SessionEnd = 'done' | 'reset' | 'idle' | 'bad length' | 'no greeting' | 'version';

const version = 3;

export class Session {
  readonly requests: Requests;
  /** Requests answered or being answered. */
  received = 0;
  readonly #stream: Duplex;
  readonly #files: FileSystem;
  readonly #options: SessionOptions;
  readonly #frames: FrameDecoder;
  #greeted = false;
  #ended: SessionEnd | undefined;
  #inFlight = 0;
  /** Woken when a request is no longer in flight. */
  #wake: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(stream: Duplex, files: FileSystem, options: SessionOptions) {
    this.#stream = stream;
    this.#files = files;
    this.#options = options;
    this.#frames = new FrameDecoder(options.maxPacket);
    this.requests = new Requests(files, options);
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Serves to the end of the stream; never rejects. Nothing of the session is open afterwards. */
  async run(): Promise<SessionEnd> {
    this.#arm(this.#options.greetingTimeout, 'no greeting');
    try {
      for await (const chunk of this.#stream.iterator({ destroyOnReturn: false })) {
        if (!(await this.#take(chunk))) break;
      }
      // What was asked before a proper end is answered still.
      while (this.#inFlight > 0 && !this.#stream.destroyed) await this.#oneLess();
      this.#ended ??= this.#stream.destroyed ? 'reset' : 'done';
      if (this.#ended === 'done' || this.#ended === 'version') await this.#sayGoodbye();
    } catch (error) {
      if (error instanceof BadFrameLength) this.#ended = 'bad length';
      this.#ended ??= 'reset';
      this.#stream.destroy();
    } finally {
      clearTimeout(this.#timer);
      await this.requests.end();
    }
    return this.#ended;
  }

  /** Ends it as if the client had gone. */
  abandon(reason: SessionEnd = 'reset'): void {
    this.#ended ??= reason;
    this.#stream.destroy();
    this.#wake?.();
  }

  /** @returns whether to read on */
  async #take(chunk: Buffer): Promise<boolean> {
    for (const frame of this.#frames.push(chunk)) {
      // Back-pressure: nothing is read and nothing refused while so many wait for their answers.
      while (this.#inFlight >= this.#options.maxInFlight && !this.#stream.destroyed) await this.#oneLess();
      if (this.#stream.destroyed) return false;
      if (this.#files.isStale) await this.#files.refresh();
      if (this.#greeted) this.#request(frame);
      else if (!this.#greeting(frame)) return false;
    }
    return true;
  }

  #oneLess(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #greeting(frame: Buffer): boolean {
    const offered = greetingVersion(frame);
    if (offered === undefined || offered < version) {
      this.#ended = 'version';
      return false;
    }
    this.#greeted = true;
    this.#arm(this.#options.idleTimeout, 'idle');
    const extensions = offeredExtensions.map(
      ([name, data]) => [Buffer.from(name), Buffer.from(data)] as const,
    );
    this.#stream.write(encodePacket({ type: PacketType.VERSION, version, extensions }));
    return true;
  }

  #request(frame: Buffer): void {
    this.#timer?.refresh();
    this.#inFlight++;
    this.received++;
    void this.#answer(frame).then((answer) => this.#send(answer));
  }

  /** The frame that answers; nothing when nobody waits for it. */
  async #answer(frame: Buffer): Promise<Buffer | undefined> {
    let id = 0;
    try {
      const packet = decodePacket(frame);
      if (packet.type === PacketType.INIT || packet.type === PacketType.VERSION) throw badMessage();
      id = packet.id;
      if (packet.type === 'unknown') throw unsupported();
      return await this.requests.answer(packet);
    } catch (error) {
      if (error instanceof Abandoned) return undefined;
      if (error instanceof MalformedPacket) id ||= error.id;
      else if (!(error instanceof StatusError) && !isSystemError(error)) this.#options.onDefect?.(error);
      return statusReply(id, statusOf(error));
    }
  }

  #send(answer: Buffer | undefined): void {
    if (answer === undefined || this.#stream.destroyed || this.#stream.writableEnded) this.#settle();
    else this.#stream.write(answer, () => this.#settle());
  }

  #settle(): void {
    this.#inFlight--;
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /** Ends our side, and waits until the client has taken what was written, or is gone. */
  #sayGoodbye(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#stream.destroyed) return resolve();
      this.#stream.once('close', resolve);
      this.#stream.end(resolve);
    });
  }

  #arm(milliseconds: number, reason: SessionEnd): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.abandon(reason), milliseconds);
  }
}

/** Of INIT; nothing when the frame is none. */
function greetingVersion(frame: Buffer): number | undefined {
  try {
    const packet = decodePacket(frame);
    return packet.type === PacketType.INIT ? packet.version : undefined;
  } catch (error) {
    if (error instanceof MalformedPacket) return undefined;
    throw error;
  }
}

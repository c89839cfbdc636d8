/**
 * One byte stream that speaks SSH: bytes in and out, keys exchanged again in time, a reader that is too slow waited for,
 * a peer that has vanished noticed. What the messages mean is not its business. `docs/spec/ssh.md` 1, 9.
 *
 * @module
 */

import type { Duplex } from 'node:stream';
import { type HostKey, isExchanging, type MessageHandlers, makeProtocol, type Protocol } from './protocol.ts';

/** When keys are exchanged again, whichever is first. */
export interface RekeyAfter {
  readonly bytes: number;
  readonly milliseconds: number;
}

export const defaultRekey: RekeyAfter = { bytes: 1024 ** 3, milliseconds: 3_600_000 };

/** Bytes not yet taken by the stream above which nothing more is read: answers alone must not fill memory. */
const maxUnsent = 1024 ** 2;
/** What a client sends first, and what it is told when it does not. */
const identStart = Buffer.from('SSH-');
const notSsh = Buffer.from('Invalid SSH identification string.\r\n');
/** Milliseconds that a stream is given to take the last bytes. */
const farewell = 2000;

export interface SshStreamOptions {
  readonly hostKey: HostKey;
  readonly ident: string;
  readonly banner: string | undefined;
  readonly handlers: MessageHandlers;
  readonly rekey?: RekeyAfter;
  readonly keepalive: { readonly interval: number; readonly misses: number };
  /** Data may be sent again. */
  ready(): void;
  /** Data of a channel has been sent. */
  traffic?(): void;
}

export class SshStream {
  readonly #stream: Duplex;
  readonly #protocol: Protocol;
  readonly #options: SshStreamOptions;
  readonly #rekey: RekeyAfter;
  /** Bytes of {@link identStart} that have come. */
  #identified = 0;
  #received = 0;
  #sent = 0;
  #blocked = false;
  #over = false;
  #missed = 0;
  readonly #timers = new Set<NodeJS.Timeout>();
  #tell: (reason: string) => void = () => {};
  /** Resolves with why the stream is over. */
  readonly closed: Promise<string>;

  constructor(stream: Duplex, options: SshStreamOptions) {
    this.#stream = stream;
    this.#options = options;
    this.#rekey = options.rekey ?? defaultRekey;
    this.closed = new Promise((resolve) => {
      this.#tell = resolve;
    });
    this.#protocol = makeProtocol({
      hostKey: options.hostKey,
      ident: options.ident,
      banner: options.banner,
      handlers: options.handlers,
      write: (data) => this.#write(data),
      failed: () => this.end('protocol'),
      packet: () => {
        this.#missed = 0;
      },
      exchanged: () => {
        this.#received = 0;
        this.#sent = 0;
        this.#armRekey();
        options.ready();
      },
    });
    stream.on('data', (chunk: Buffer) => this.#take(chunk));
    stream.on('drain', () => this.#drained());
    stream.on('end', () => this.end('eof'));
    stream.on('error', () => this.#finish('transport'));
    stream.on('close', () => this.#finish('transport'));
    this.#protocol.start();
  }

  get over(): boolean {
    return this.#over;
  }

  /** Whether data has to wait. */
  get blocked(): boolean {
    return this.#over || this.#blocked || isExchanging(this.#protocol);
  }

  /** Sends messages; without effect when the stream is over. */
  send(use: (protocol: Protocol) => void): void {
    if (!this.#over) use(this.#protocol);
  }

  /** Tells that data of a channel has been sent. */
  traffic(): void {
    this.#options.traffic?.();
  }

  /** From the login on. */
  keepAlive(): void {
    const { interval, misses } = this.#options.keepalive;
    if (interval === 0) return;
    this.#every(interval, () => {
      if (this.#missed++ >= misses) this.#finish('keepalive');
      else this.send((protocol) => protocol.ping());
    });
  }

  /** Says goodbye with a code of RFC 4253 11.1 and ends. */
  disconnect(code: number, reason: string): void {
    this.send((protocol) => protocol.disconnect(code));
    this.end(reason);
  }

  /** Lets go of the stream when its last bytes are gone, or soon after. */
  end(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#stop();
    const { promise, settle } = ended(this.#stream);
    const late = setTimeout(settle, farewell);
    this.#stream.end();
    void promise.then(() => {
      clearTimeout(late);
      this.#stream.destroy();
    });
    this.#tell(reason);
  }

  #finish(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#stop();
    this.#stream.destroy();
    this.#tell(reason);
  }

  #stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#protocol.cleanup();
  }

  #take(chunk: Buffer): void {
    if (this.#over) return;
    this.#received += chunk.length;
    try {
      if (!this.#speaksSsh(chunk)) {
        this.#write(notSsh);
        this.end('protocol');
        return;
      }
      this.#protocol.parse(chunk, 0, chunk.length);
    } catch {
      this.end('protocol');
    }
    this.#rekeyIfDue();
    if (!this.#over && this.#stream.writableLength > maxUnsent) this.#stream.pause();
  }

  /** The library would read on, as a client may that waits for the line of a server. RFC 4253 4.2. */
  #speaksSsh(chunk: Buffer): boolean {
    for (const byte of chunk.subarray(0, identStart.length - this.#identified)) {
      if (byte !== identStart[this.#identified]) return false;
      this.#identified++;
    }
    return true;
  }

  #write(data: Buffer): void {
    if (this.#stream.destroyed || this.#stream.writableEnded) return;
    this.#sent += data.length;
    if (!this.#stream.write(data)) this.#blocked = true;
  }

  #drained(): void {
    this.#blocked = false;
    if (this.#over) return;
    this.#stream.resume();
    this.#rekeyIfDue();
    this.#options.ready();
  }

  #rekeyIfDue(): void {
    if (Math.max(this.#received, this.#sent) >= this.#rekey.bytes) this.#exchange();
  }

  #exchange(): void {
    if (!this.#over && !isExchanging(this.#protocol)) this.#protocol.rekey();
  }

  #rekeyTimer: NodeJS.Timeout | undefined;

  #armRekey(): void {
    if (this.#rekeyTimer !== undefined) {
      clearInterval(this.#rekeyTimer);
      this.#timers.delete(this.#rekeyTimer);
    }
    if (!this.#over) this.#rekeyTimer = this.#every(this.#rekey.milliseconds, () => this.#exchange());
  }

  #every(milliseconds: number, run: () => void): NodeJS.Timeout {
    const timer = setInterval(run, milliseconds);
    timer.unref();
    this.#timers.add(timer);
    return timer;
  }
}

function ended(stream: Duplex): { promise: Promise<void>; settle: () => void } {
  let settle = () => {};
  const promise = new Promise<void>((resolve) => {
    settle = resolve;
  });
  stream.once('finish', settle);
  stream.once('close', settle);
  return { promise, settle };
}

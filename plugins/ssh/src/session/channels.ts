/**
 * The channels of a connection: numbers, the limit, opens in both directions. `docs/spec/ssh.md` 4, 9; RFC 4254 5.
 *
 * @module
 */

import { OpenFailure } from '../open-failure.ts';
import type { ChannelOpen } from '../transport/protocol.ts';
import type { SshStream } from '../transport/stream.ts';
import { Channel, packetSize, windowSize } from './channel.ts';

const words: Readonly<Record<number, string>> = {
  [OpenFailure.PROHIBITED]: 'denied',
  [OpenFailure.CONNECT_FAILED]: 'connect failed',
  [OpenFailure.UNKNOWN_TYPE]: 'unknown',
  [OpenFailure.RESOURCE_SHORTAGE]: 'limit',
};

/** A number that was taken before the other side was told of it. */
interface Waiting {
  readonly opened: (info: {
    readonly sender: number;
    readonly window: number;
    readonly packetSize: number;
  }) => void;
  readonly refused: () => void;
}

export class Channels {
  readonly #stream: SshStream;
  readonly #limit: () => number;
  readonly #open = new Map<number, Channel>();
  readonly #waiting = new Map<number, Waiting>();
  #pending = 0;
  #next = 0;

  constructor(stream: SshStream, limit: () => number) {
    this.#stream = stream;
    this.#limit = limit;
  }

  get size(): number {
    return this.#open.size + this.#waiting.size + this.#pending;
  }

  get full(): boolean {
    return this.size >= this.#limit();
  }

  get(id: number): Channel | undefined {
    return this.#open.get(id);
  }

  pump(): void {
    for (const channel of this.#open.values()) channel.pump();
  }

  lost(): void {
    for (const { refused } of this.#waiting.values()) refused();
    this.#waiting.clear();
    for (const channel of this.#open.values()) channel.lost();
  }

  refuse(open: ChannelOpen, code: number): void {
    this.#stream.send((protocol) => protocol.channelOpenFail(open.sender, code, words[code] ?? ''));
  }

  confirm(open: ChannelOpen): Channel {
    const channel = this.#make(this.#number(), {
      sender: open.sender,
      window: open.window,
      packetSize: open.packetSize,
    });
    this.#stream.send((protocol) =>
      protocol.channelOpenConfirm(open.sender, channel.id, windowSize, packetSize),
    );
    return channel;
  }

  /** Holds a place while it is decided whether a channel opens. */
  async pending<Result>(run: () => Promise<Result>): Promise<Result> {
    this.#pending++;
    try {
      return await run();
    } finally {
      this.#pending--;
    }
  }

  /** Opens one towards the client; `ask` sends the message. `undefined` when it is refused. */
  openTowardsClient(ask: (id: number) => void): Promise<Channel | undefined> {
    if (this.full || this.#stream.over) return Promise.resolve(undefined);
    const id = this.#number();
    return new Promise((resolve) => {
      this.#waiting.set(id, {
        opened: (info) => resolve(this.#make(id, info)),
        refused: () => resolve(undefined),
      });
      ask(id);
    });
  }

  /** The client's answer to an open of ours; `false` when there is none. */
  answered(id: number, info: Parameters<Waiting['opened']>[0] | undefined): boolean {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (info === undefined) waiting?.refused();
    else waiting?.opened(info);
    return waiting !== undefined;
  }

  #make(id: number, info: Parameters<Waiting['opened']>[0]): Channel {
    const ends = {
      local: id,
      remote: info.sender,
      remoteWindow: info.window,
      remotePacketSize: info.packetSize,
    };
    const channel = new Channel(this.#stream, ends, () => this.#open.delete(id));
    this.#open.set(id, channel);
    return channel;
  }

  #number(): number {
    while (this.#open.has(this.#next) || this.#waiting.has(this.#next)) this.#next = (this.#next + 1) >>> 0;
    const id = this.#next;
    this.#next = (this.#next + 1) >>> 0;
    return id;
  }
}

/**
 * The streams of a {@link Connection}, framed.
 *
 * @module
 */

import type { Duplex } from 'node:stream';
import type { Connection } from '../connection.ts';
import type { CallLimits } from '../plugin.ts';
import type { EnvelopeStreamEvents, EnvelopeTransport } from './envelope-stream.ts';
import { FramedStream } from './framed-stream.ts';
import { PartialFrames } from './partial-frames.ts';

export class ConnectionTransport implements EnvelopeTransport {
  readonly connection: Connection;
  readonly #limits: Readonly<CallLimits>;
  readonly #partials: PartialFrames;
  #events: EnvelopeStreamEvents | undefined;

  constructor(connection: Connection, limits: Readonly<CallLimits>) {
    this.connection = connection;
    this.#limits = limits;
    this.#partials = new PartialFrames(() => this.#limits.bufferedPerConnection / 2);
  }

  async accept(events: EnvelopeStreamEvents): Promise<void> {
    this.#events = events;
    for await (const stream of this.connection) this.#frame(stream, events);
  }

  async open(signal?: AbortSignal): Promise<FramedStream> {
    const stream = await this.connection.openStream(signal === undefined ? undefined : { signal });
    if (this.#events === undefined) throw new Error('open() before accept()');
    return this.#frame(stream, this.#events);
  }

  #frame(duplex: Duplex, events: EnvelopeStreamEvents): FramedStream {
    const stream = new FramedStream(duplex, () => this.#limits.frame, this.#partials, events);
    events.opened(stream);
    return stream;
  }
}

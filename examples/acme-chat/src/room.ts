/** Who is in the room, and what is said to them. */

import type { Stream } from '@alknet/sdk';

export class Room {
  readonly #guests = new Map<Stream, string>();

  get size(): number {
    return this.#guests.size;
  }

  enter(stream: Stream, name: string): void {
    this.#guests.set(stream, name);
    this.#tellOthers(stream, `* ${name} came`);
  }

  say(stream: Stream, text: string): void {
    this.#tellOthers(stream, `${this.#guests.get(stream)}: ${text}`);
  }

  leave(stream: Stream): void {
    const name = this.#guests.get(stream);
    if (this.#guests.delete(stream)) this.#tellOthers(stream, `* ${name} left`);
  }

  #tellOthers(stream: Stream, line: string): void {
    for (const guest of this.#guests.keys()) {
      // One who does not read is left out rather than waited for: the room goes on, and memory stays bounded.
      if (guest !== stream && !guest.writableNeedDrain) guest.write(`${line}\n`);
    }
  }
}

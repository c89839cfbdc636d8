/**
 * Whether quiche has sent all that it was given and would send more at once. Pure. `docs/spec/endpoint.md` 6.3.
 *
 * quiche 0.18 does not tell what it holds back because the congestion window is full. It counts the room in that window
 * when a datagram comes or a stream is reset, and takes off what it is given, but not what it sends beside that: headers,
 * acknowledgements, repeats, and what it had been given before.
 */

export class SendRoom {
  /** Bytes of streams given to quiche, and bytes of datagrams sent, since then. */
  #given = 0;
  #sent = 0;

  /** quiche has counted anew. */
  recounted(): void {
    this.#given = 0;
    this.#sent = 0;
  }

  gave(bytes: number): void {
    this.#given += bytes;
  }

  sent(bytes: number): void {
    this.#sent += bytes;
  }

  /** Bytes, at least; to be asked when quiche has no more to send. `capacity`: what quiche says. */
  left(capacity: number): number {
    return capacity + this.#given - this.#sent;
  }
}

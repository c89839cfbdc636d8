/**
 * How large the UDP payload of one connection may be. `docs/spec/endpoint.md` 6.1. Pure.
 *
 * A path may drop what is larger than its MTU and tell nobody. 1200 bytes pass everywhere QUIC does (RFC 9000 14), so
 * the connection goes back to them for its life when the system refuses a size (`EMSGSIZE`), or when three probe
 * time-outs in a row (RFC 9002 6.2) found nothing outstanding that a narrower path would have let through. Small
 * datagrams between them that are acknowledged keep probe time-outs from coming: so it does, too, when of the first
 * large datagrams of a connection most were lost.
 *
 * @module
 */

import { minimumInitialDatagram } from './packet.ts';

/** Probe time-outs without an acknowledgement between them. */
const maxProbeTimeouts = 3;
/** After so many large datagrams, and each multiple of it up to the last, their losses are looked at. */
const sample = 32;
const lastSample = 256;
/** Part of the large datagrams. No path that passes them loses as much and is of use. */
const mostLost = 0.75;
/** Bytes; below it a datagram is taken for an acknowledgement alone, which the peer never acknowledges. */
const acknowledgement = 100;

export class PayloadSize {
  #size: number;
  /** Of what was sent since the last probe time-out. */
  #small = false;
  #large = false;
  #timeouts = 0;
  /** Large datagrams sent. */
  #count = 0;

  /** `size`: bytes that a datagram may have while the path shows nothing else. */
  constructor(size: number) {
    this.#size = Math.max(size, minimumInitialDatagram);
  }

  /** Bytes of a UDP payload, at most. */
  get size(): number {
    return this.#size;
  }

  /** A datagram of so many bytes was sent. `true`: `lost` wants to know what was lost. */
  sent(bytes: number): boolean {
    if (bytes <= minimumInitialDatagram) {
      if (bytes >= acknowledgement) this.#small = true;
      return false;
    }
    this.#large = true;
    this.#count++;
    return this.#count <= lastSample && this.#count % sample === 0;
  }

  /** Packets lost since the connection began. */
  lost(packets: number): void {
    if (packets >= this.#count * mostLost) this.lower();
  }

  /** A probe time-out. `acknowledged`: something has been since the one before. */
  probeTimeout(acknowledged: boolean): void {
    // A path that drops small datagrams too is not narrow but dead.
    const narrow = this.#large && !this.#small && !acknowledged;
    this.#timeouts = narrow ? this.#timeouts + 1 : 1;
    this.#large = false;
    this.#small = false;
    if (this.#timeouts === maxProbeTimeouts) this.lower();
  }

  /** 1200 bytes from now on. */
  lower(): void {
    this.#size = minimumInitialDatagram;
  }
}

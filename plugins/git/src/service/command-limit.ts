/**
 * The commands of a push on their way to git, which holds all of them in memory before it looks at one. They end with the
 * first flush; what comes after them, the pack, is bounded by git itself. gitprotocol-pack(5), "Reference Update Request".
 *
 * @module
 */

import { packetLength } from '../core/pkt-line.ts';
import { ByteLimit } from './byte-limit.ts';

/** Bytes beside the updates: capabilities, a certificate, the limits of a shallow clone. */
const beside = 1024 * 1024;
/** Bytes of one update: two object ids, the longest ref, and room. */
const ofUpdate = 512;

export class CommandLimit extends ByteLimit {
  /** Bytes of the packet under way that are still to come. */
  private toCome = 0;
  private header = Buffer.alloc(0);
  private isOver = false;

  /** `tooMany` is told once, and nothing more passes. */
  constructor(maxRefs: number, tooMany: () => void) {
    super(beside + maxRefs * ofUpdate, tooMany);
  }

  protected override counted(chunk: Buffer): number {
    let at = 0;
    while (at < chunk.length && !this.isOver) {
      const begun = at;
      if (this.toCome > 0) {
        at += Math.min(this.toCome, chunk.length - at);
        this.toCome -= at - begun;
      } else {
        at += Math.min(4 - this.header.length, chunk.length - at);
        this.header = Buffer.concat([this.header, chunk.subarray(begun, at)]);
        if (this.header.length === 4) this.begin();
      }
    }
    return at;
  }

  private begin(): void {
    const length = packetLength(this.header);
    this.header = Buffer.alloc(0);
    // A flush; and what is no packet, git refuses.
    if (length === undefined || length === 0) this.isOver = true;
    else this.toCome = Math.max(0, length - 4);
  }
}

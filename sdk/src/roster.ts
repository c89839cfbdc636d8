/**
 * A set of many members that come and go quickly.
 *
 * A `Set` or `Map` is replaced by a new table whenever enough has been deleted from it, and the old table points to the
 * new one. Once one of them is old for the garbage collector, each keeps the next alive, with all that stood in it: half
 * of what a call allocates then outlives it. An array has no such chain.
 *
 * @module
 */

/** What a member of a {@link Roster} knows of itself: its place there, of no meaning elsewhere. */
export interface Placed {
  place: number;
}

/** In no order. A member stands in one roster at a time. */
export class Roster<Member extends Placed> {
  readonly #members: Member[] = [];

  get size(): number {
    return this.#members.length;
  }

  add(member: Member): void {
    member.place = this.#members.push(member) - 1;
  }

  has(member: Member): boolean {
    return this.#members[member.place] === member;
  }

  /** Whether it was there. */
  delete(member: Member): boolean {
    if (!this.has(member)) return false;
    const last = this.#members.pop();
    if (last !== undefined && last !== member) {
      this.#members[member.place] = last;
      last.place = member.place;
    }
    member.place = -1;
    return true;
  }

  /** As they are now; what comes and goes meanwhile changes nothing. */
  [Symbol.iterator](): IterableIterator<Member> {
    return this.#members.slice().values();
  }
}

/**
 * Requests by their id. Not a `Map`, for the reason given in `roster.ts`.
 *
 * Ids are the peer's to choose, so that it may put all into one bucket: their number is bounded by the limits of calls,
 * and the search through one bucket with it.
 *
 * @module
 */

const fewBuckets = 64;
/** Members of a bucket on average, beyond which there are more buckets. */
const crowd = 8;

export class ById<Member extends { readonly id: string }> {
  /** Sparse, as most sessions have few requests at a time. */
  #buckets: (Member[] | undefined)[] = [];
  #mask = fewBuckets - 1;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: string): Member | undefined {
    const bucket = this.#buckets[this.#place(id)];
    if (bucket !== undefined) for (const member of bucket) if (member.id === id) return member;
    return undefined;
  }

  has(id: string): boolean {
    return this.get(id) !== undefined;
  }

  /** The id must not be there yet. */
  add(member: Member): void {
    if (this.#size > crowd * this.#mask) this.#spread();
    this.#put(member);
    this.#size++;
  }

  /** Nothing happens when another, or none, stands there by that id. */
  delete(member: Member): void {
    const bucket = this.#buckets[this.#place(member.id)];
    const at = bucket?.indexOf(member) ?? -1;
    if (bucket === undefined || at === -1) return;
    const last = bucket.pop();
    if (last !== undefined && last !== member) bucket[at] = last;
    this.#size--;
  }

  /** As they are now; what comes and goes meanwhile changes nothing. */
  values(): Member[] {
    return this.#buckets.flatMap((bucket) => bucket ?? []);
  }

  #put(member: Member): void {
    const place = this.#place(member.id);
    const bucket = this.#buckets[place];
    if (bucket === undefined) this.#buckets[place] = [member];
    else bucket.push(member);
  }

  #spread(): void {
    const members = this.values();
    this.#buckets = [];
    this.#mask = this.#mask * 4 + 3;
    for (const member of members) this.#put(member);
  }

  /** By the last characters: those of a UUID are random, those of a counter differ. */
  #place(id: string): number {
    let hash = 0;
    for (let at = Math.max(0, id.length - 5); at < id.length; at++)
      hash = (hash * 31 + id.charCodeAt(at)) | 0;
    return hash & this.#mask;
  }
}

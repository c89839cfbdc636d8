/**
 * Sessions by id, each of the identity that began it. `docs/spec/http.md` 21. Pure: the clock is the caller's.
 *
 * @module
 */

export interface TableLimits {
  /** Sessions at once. */
  readonly sessions: number;
  /** Milliseconds without a request after which a session ends. */
  readonly idle: number;
}

export interface Entry<Session> {
  readonly session: Session;
  /** Id of the identity; `null` for nobody. */
  readonly owner: string | null;
  /** Requests and streams that are open. */
  open: number;
  /** Milliseconds of the caller's clock. */
  lastUsed: number;
}

export class SessionTable<Session> {
  readonly #entries = new Map<string, Entry<Session>>();
  readonly #limits: TableLimits;
  readonly #end: (session: Session) => void;

  constructor(limits: TableLimits, end: (session: Session) => void) {
    this.#limits = limits;
    this.#end = end;
  }

  get size(): number {
    return this.#entries.size;
  }

  all(): Session[] {
    return [...this.#entries.values()].map(({ session }) => session);
  }

  /** Makes room by ending another session when the table is full. */
  add(id: string, session: Session, owner: string | null, now: number): void {
    this.sweep(now);
    while (this.#entries.size >= this.#limits.sessions) {
      const oldest = this.#longestIdle();
      if (oldest === undefined) break;
      this.remove(oldest);
    }
    this.#entries.set(id, { session, owner, open: 0, lastUsed: now });
  }

  /** `undefined` for one that does not exist, and for another's alike. */
  find(id: string, owner: string | null, now: number): Entry<Session> | undefined {
    this.sweep(now);
    const entry = this.#entries.get(id);
    return entry !== undefined && entry.owner === owner ? entry : undefined;
  }

  remove(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    this.#end(entry.session);
  }

  /** Ends what is idle for too long. */
  sweep(now: number): void {
    for (const [id, { open, lastUsed }] of this.#entries) {
      if (open === 0 && now - lastUsed >= this.#limits.idle) this.remove(id);
    }
  }

  clear(): void {
    for (const id of [...this.#entries.keys()]) this.remove(id);
  }

  /** Those of nobody go first, whoever makes many of them; then those without an open request; then the longest idle. */
  #longestIdle(): string | undefined {
    let found: [string, Entry<Session>] | undefined;
    for (const each of this.#entries) {
      if (found === undefined || goesBefore(each[1], found[1])) found = each;
    }
    return found?.[0];
  }
}

function goesBefore<Session>(a: Entry<Session>, b: Entry<Session>): boolean {
  const nobody = Number(b.owner === null) - Number(a.owner === null);
  if (nobody !== 0) return nobody < 0;
  const busy = Number(a.open > 0) - Number(b.open > 0);
  return busy === 0 ? a.lastUsed < b.lastUsed : busy < 0;
}

/**
 * What happened to repositories: durable, with a cursor for each event, and delivered to whoever follows.
 * `docs/spec/git.md` 9.
 *
 * @module
 */

import { CallError, type Log, type Store, StoreError } from '@alknet/sdk';

export interface RefChange {
  readonly ref: string;
  readonly old: string;
  readonly new: string;
  readonly kind: 'create' | 'update' | 'delete';
  readonly forced: boolean;
}

export type Via = 'alknet' | 'ssh' | 'http' | 'call';

export interface EventContent {
  readonly repo: string;
  readonly type: 'push' | 'create' | 'delete' | 'rename';
  /** Who did it. */
  readonly by: string;
  readonly via: Via;
  readonly updates?: readonly RefChange[];
  /** With `rename`: the new name. */
  readonly to?: string;
}

export interface GitEvent extends EventContent {
  /** Decimal; grows with every event. */
  readonly cursor: string;
  /** RFC 3339. */
  readonly at: string;
}

const prefix = 'events/';
const kept = 10_000;
const mostUnread = 1000;
const decoder = new TextDecoder();

const keyOf = (cursor: number) => prefix + String(cursor).padStart(16, '0');
const cursorOf = (key: string) => Number(key.slice(prefix.length));

function gone(message: string): CallError {
  return new CallError('CURSOR_GONE', message);
}

/** Events that one follower has not read. */
class Follower {
  readonly unread: GitEvent[] = [];
  overflown = false;
  wake: () => void = () => {};

  offer(event: GitEvent): void {
    if (this.unread.length < mostUnread) this.unread.push(event);
    else this.overflown = true;
    this.wake();
  }
}

export class EventLog {
  private readonly store: Store;
  private readonly log: Log;
  private readonly followers = new Set<Follower>();
  private readonly signal: AbortSignal;
  /** Cursors of the oldest that is kept and of the newest; equal to 1 and 0 when there is none. */
  private first = 1;
  private last = 0;
  private writing: Promise<unknown> = Promise.resolve();

  private constructor(store: Store, log: Log, signal: AbortSignal) {
    this.store = store;
    this.log = log;
    this.signal = signal;
  }

  static async open(store: Store, log: Log, signal: AbortSignal): Promise<EventLog> {
    const events = new EventLog(store, log, signal);
    // Before the first write: an instance that goes and the one that comes see each other's events.
    void events.follow();
    let oldest: number | undefined;
    for await (const { key } of store.list(prefix)) {
      oldest ??= cursorOf(key);
      events.saw(cursorOf(key));
    }
    events.first = oldest ?? 1;
    return events;
  }

  private saw(cursor: number): void {
    this.last = Math.max(this.last, cursor);
  }

  private async follow(): Promise<void> {
    try {
      for await (const { key, value } of this.store.watch(prefix, { signal: this.signal })) {
        if (value === undefined) {
          this.first = Math.max(this.first, cursorOf(key) + 1);
          continue;
        }
        this.saw(cursorOf(key));
        const event = parse(value);
        for (const follower of this.followers) follower.offer(event);
      }
    } catch (error) {
      if (!this.signal.aborted) this.log.error('events are not followed', { error });
    }
  }

  /** Settles when it is durable. */
  append(content: EventContent): Promise<GitEvent> {
    const written = this.writing.then(() => this.write(content));
    this.writing = written.catch(() => {});
    return written;
  }

  private async write(content: EventContent): Promise<GitEvent> {
    for (let cursor = this.last + 1; ; cursor++) {
      const event: GitEvent = { cursor: String(cursor), at: new Date().toISOString(), ...content };
      try {
        const value = new TextEncoder().encode(JSON.stringify(event));
        await this.store.put(keyOf(cursor), value, { ifRevision: 0 });
      } catch (error) {
        if (error instanceof StoreError && error.code === 'STORE_CONFLICT') continue;
        throw error;
      }
      this.saw(cursor);
      await this.forget(cursor - kept);
      return event;
    }
  }

  /** Those up to that cursor. */
  private async forget(cursor: number): Promise<void> {
    for (; this.first <= cursor; this.first++) await this.store.delete(keyOf(this.first));
  }

  /** Those after `since`, or from now on, until the signal aborts. @throws CallError `CURSOR_GONE` */
  async *read(since: string | undefined, signal: AbortSignal): AsyncGenerator<GitEvent, void, undefined> {
    const follower = new Follower();
    this.followers.add(follower);
    const abort = () => follower.wake();
    signal.addEventListener('abort', abort, { once: true });
    try {
      let delivered = since === undefined ? 0 : this.checked(since);
      if (since !== undefined) {
        for await (const { key, value } of this.store.list(prefix)) {
          if (cursorOf(key) <= delivered) continue;
          // Cursors have no gaps: what is missing was forgotten while the ones before it were read.
          if (cursorOf(key) !== delivered + 1)
            throw gone('the next events are no longer kept; begin without "since"');
          delivered = cursorOf(key);
          yield parse(value);
        }
      }
      while (!signal.aborted) {
        const event = follower.unread.shift();
        if (event !== undefined) {
          if (Number(event.cursor) <= delivered) continue;
          delivered = Number(event.cursor);
          yield event;
        } else if (follower.overflown) {
          throw gone(`more than ${mostUnread} events were unread; follow again from the last cursor`);
        } else {
          await new Promise<void>((resolve) => {
            follower.wake = resolve;
            if (signal.aborted) resolve();
          });
        }
      }
    } finally {
      signal.removeEventListener('abort', abort);
      this.followers.delete(follower);
    }
  }

  /** @throws CallError */
  private checked(since: string): number {
    const cursor = Number(since);
    if (cursor < this.first - 1)
      throw gone(`events up to ${this.first - 1} are no longer kept; begin without "since"`);
    if (cursor > this.last) throw gone(`there is no event ${since}; the newest is ${this.last}`);
    return cursor;
  }
}

/** Written by this class alone. */
function parse(value: Uint8Array): GitEvent {
  return JSON.parse(decoder.decode(value));
}

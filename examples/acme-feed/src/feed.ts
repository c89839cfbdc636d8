/** The posts, newest first, in the store of the plugin. */

import { type Static, type Store, Type } from '@alknet/sdk';

export const Post = Type.Object(
  {
    n: Type.Integer({ minimum: 1 }),
    text: Type.String({ minLength: 1, maxLength: 2000 }),
    author: Type.String(),
    at: Type.String({ format: 'date-time' }),
  },
  { additionalProperties: false },
);
export type Post = Static<typeof Post>;

const prefix = 'post/';
// Keys are listed by their bytes: this many digits keep them in order.
const keyOf = (n: number) => `${prefix}${String(n).padStart(9, '0')}`;

export class Feed {
  readonly #store: Store;
  readonly #listeners = new Set<(post: Post) => void>();

  constructor(store: Store) {
    this.#store = store;
  }

  async add(text: string, author: string): Promise<Post> {
    for (let n = ((await this.list(1))[0]?.n ?? 0) + 1; ; n++) {
      const post: Post = { n, text, author, at: new Date().toISOString() };
      try {
        await this.#store.put(keyOf(n), new TextEncoder().encode(JSON.stringify(post)), { ifRevision: 0 });
      } catch (error) {
        // Somebody else took that number just now.
        if ((error as { code?: unknown }).code === 'STORE_CONFLICT') continue;
        throw error;
      }
      for (const listener of this.#listeners) listener(post);
      return post;
    }
  }

  async list(limit: number): Promise<Post[]> {
    const posts: Post[] = [];
    for await (const { value } of this.#store.list(prefix)) {
      posts.push(JSON.parse(new TextDecoder().decode(value)) as Post);
    }
    return posts.reverse().slice(0, limit);
  }

  /** Every post from now on, until the signal aborts. */
  async *follow(signal: AbortSignal): AsyncGenerator<Post, void, undefined> {
    const waiting: Post[] = [];
    let wake = () => {};
    const listener = (post: Post) => {
      waiting.push(post);
      wake();
    };
    const stop = () => wake();
    this.#listeners.add(listener);
    signal.addEventListener('abort', stop, { once: true });
    try {
      while (!signal.aborted) {
        const post = waiting.shift();
        if (post !== undefined) yield post;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    } finally {
      this.#listeners.delete(listener);
      signal.removeEventListener('abort', stop);
    }
  }
}

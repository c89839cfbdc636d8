/** What others may call. Route and commands are made of these. */

import { defineOperation, Type } from '@alknet/sdk';
import { type Feed, Post } from './feed.ts';

let feed: Feed;

/** Called by `start()`, before the first call. */
export function useFeed(started: Feed): void {
  feed = started;
}

const limit = Type.Integer({ minimum: 1, maximum: 100, default: 20 });

const list = defineOperation({
  name: 'acme-feed/list',
  type: 'query',
  access: 'public',
  description: 'Lists the newest posts.',
  input: Type.Object({ limit: Type.Optional(limit) }, { additionalProperties: false }),
  output: Type.Object({ posts: Type.Array(Post) }),
  handler: async ({ limit = 20 }) => ({ posts: await feed.list(limit) }),
});

const post = defineOperation({
  name: 'acme-feed/post',
  type: 'mutation',
  access: 'authenticated',
  description: 'Posts a text under the name of its caller.',
  input: Type.Object(
    { text: Type.String({ minLength: 1, maxLength: 2000 }) },
    { additionalProperties: false },
  ),
  output: Post,
  handler: ({ text }, { identity }) => feed.add(text, identity?.id ?? 'nobody'),
});

const follow = defineOperation({
  name: 'acme-feed/follow',
  type: 'subscription',
  access: 'public',
  description: 'Gives every post from now on.',
  input: Type.Object({}, { additionalProperties: false }),
  output: Post,
  async *handler(_input, { signal }) {
    yield* feed.follow(signal);
  },
});

export const operations = [list, post, follow] as const;

/** `alknet acme-feed post TEXT` and `alknet acme-feed tail`. They run in the shell of the user, not in the node. */

import type { PluginCommand } from '@alknet/sdk';
import type { Post } from './feed.ts';

const line = ({ n, author, text }: Post) => `${n}  ${author}: ${text}`;

const post: PluginCommand = {
  name: 'post',
  summary: 'Post a text',
  usage: 'TEXT',
  arguments: [1, 1],
  examples: ["alknet acme-feed post 'Hello, world'"],
  run: async ({ arguments: [text], call, result }) => {
    const posted = (await call('acme-feed/post', { text })) as Post;
    result(posted, line(posted));
  },
};

const tail: PluginCommand = {
  name: 'tail',
  summary: 'The newest posts, the latest last',
  options: [
    { name: 'lines', value: 'N', help: 'how many; 10 if not given' },
    { name: 'follow', help: 'and those to come' },
  ],
  examples: ['alknet acme-feed tail', 'alknet acme-feed tail --lines 3'],
  run: async ({ value, has, call, subscribe, item, note }) => {
    const { posts } = (await call('acme-feed/list', { limit: Number(value('lines') ?? 10) })) as {
      posts: Post[];
    };
    if (posts.length === 0) note('nothing has been posted');
    for (const post of posts.reverse()) item(post, line(post));
    if (!has('follow')) return;
    for await (const post of subscribe('acme-feed/follow')) item(post, line(post as Post));
  },
};

export const commands = [post, tail] as const;

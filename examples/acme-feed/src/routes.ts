/** `GET /feed.json`: the newest posts as a JSON Feed (jsonfeed.org, version 1.1) for readers that know no alknet. */

import { type Caller, clientOf, type HttpRoute } from '@alknet/sdk';
import { operations } from './operations.ts';

let caller: Caller | undefined;

/** What the route calls with: the operations that the operator granted to this plugin. */
export function useCaller(given: Caller): void {
  caller = given;
}

export const feedRoute: HttpRoute = {
  method: 'GET',
  path: '/feed.json',
  async handler(request) {
    const asked = new URL(request.url).searchParams.get('limit') ?? '20';
    const limit = Number(asked);
    if (!Number.isInteger(limit) || limit < 1 || limit > 100)
      return Response.json(
        { error: `limit: expected 1 to 100, found ${asked.slice(0, 20)}` },
        { status: 400 },
      );
    // Not started, or not granted: as if the route were not there.
    if (caller === undefined) return undefined;
    const { posts } = await clientOf(caller, operations).call('acme-feed/list', { limit });
    return Response.json(
      {
        version: 'https://jsonfeed.org/version/1.1',
        title: 'acme-feed',
        items: posts.map(({ n, text, author, at }) => ({
          id: String(n),
          content_text: text,
          date_published: at,
          authors: [{ name: author }],
        })),
      },
      { headers: { 'content-type': 'application/feed+json' } },
    );
  },
};

/**
 * Lists of the host's operations, page by page. `docs/spec/registry.md` 15.
 *
 * @module
 */

import type { Session } from '@alknet/sdk/call';

export type CallOptions = Parameters<Session['call']>[2];

export async function* pages<Page extends object>(
  session: Session,
  operation: string,
  options: CallOptions,
): AsyncGenerator<Page, void, undefined> {
  for (let input: object | undefined = { limit: 1000 }; input !== undefined; ) {
    const page = (await session.call(operation, input, options)) as Page & { readonly next?: string };
    yield page as Awaited<Page>;
    input = page.next === undefined ? undefined : { limit: 1000, after: page.next };
  }
}

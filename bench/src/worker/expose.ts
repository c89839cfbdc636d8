/**
 * The worker's end of the protocol: answers requests of the process that forked it, and ends with it.
 *
 * @module
 */

import type { Reply, Request } from './protocol.ts';

/** Answers every request with the method of that name until the channel closes. */
export function expose(methods: object): void {
  const table = new Map<string, unknown>(Object.entries(methods));
  process.on('message', async (request: Request) => {
    reply(await answer(table.get(request.method), request));
  });
  process.on('disconnect', () => process.exit(0));
}

async function answer(method: unknown, { id, method: name, args }: Request): Promise<Reply> {
  try {
    if (typeof method !== 'function') throw new Error(`expected a method of this worker, received ${name}`);
    return { id, result: await method(...args) };
  } catch (error) {
    return { id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

/** Nobody is left to hear of an answer that cannot be sent. */
function reply(message: Reply): void {
  process.send?.(message, undefined, undefined, () => {});
}

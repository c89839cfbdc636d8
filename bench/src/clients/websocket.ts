/**
 * A call session over a WebSocket, by the client for browsers on the WebSocket of the package `ws`.
 *
 * @module
 */

import { connect } from '@alknet/sdk/browser';
import { WebSocket } from 'ws';
import { checkEcho, message } from '../message.ts';
import type { Address, Client, Link } from '../stack.ts';

/** The node's certificate is its own, and the handshake no part of the rows that this client is for. */
class UnverifiedSocket extends WebSocket {
  constructor(url: string, protocols: string[]) {
    super(url, protocols, { rejectUnauthorized: false, perMessageDeflate: false });
  }
}

export function client({ host, port, token }: Address): Client {
  const options = { WebSocket: UnverifiedSocket, ...(token === undefined ? {} : { token }) };
  return {
    async connect(): Promise<Link> {
      const session = await connect(`https://${host}:${port}`, options);
      return {
        echo: async () => checkEcho(await session.call('bench/echo', message)),
        async items(onItem) {
          const flow = session.subscribe('bench/items', message);
          void (async () => {
            for await (const _ of flow) onItem();
          })().catch(() => {});
          return async () => void (await flow.return?.());
        },
        async close() {
          session.close();
          await session.closed;
        },
      };
    },
  };
}

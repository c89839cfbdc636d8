/**
 * Subscriptions as server-sent events over HTTP/1.1: `POST /subscribe`, with Node's own client.
 *
 * @module
 */

import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { checkEcho, message } from '../message.ts';
import type { Address, Client, Link } from '../stack.ts';

export function client({ host, port, token }: Address): Client {
  // The node's certificate is its own, and the handshake no part of the rows that this client is for.
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false });
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const post = async (path: string, body: unknown): Promise<IncomingMessage> => {
    const sent = request({ host, port, path, method: 'POST', agent, headers });
    sent.end(JSON.stringify(body));
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    if (response.statusCode !== 200) throw new Error(`${path}: status ${response.statusCode}`);
    return response.setEncoding('utf8');
  };
  return {
    async connect(): Promise<Link> {
      return {
        async echo() {
          const response = await post('/call', { operation: 'bench/echo', input: message });
          let text = '';
          for await (const part of response) text += part;
          const { output } = JSON.parse(text) as { output: unknown };
          checkEcho(output);
        },
        async items(onItem) {
          const response = await post('/subscribe', { operation: 'bench/items', input: message });
          let rest = '';
          response.on('error', () => {});
          response.on('data', (text: string) => {
            const events = (rest + text).split('\n\n');
            rest = events.pop() ?? '';
            for (const event of events) {
              if (!event.startsWith('data: ')) continue;
              JSON.parse(event.slice('data: '.length));
              onItem();
            }
          });
          return async () => {
            response.destroy();
            await once(response, 'close');
          };
        },
        async close() {
          agent.destroy();
        },
      };
    },
  };
}

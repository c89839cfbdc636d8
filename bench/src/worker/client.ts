/**
 * The process of one client: one connection for the work, and as many idle ones as are asked for.
 *
 * @module
 */

import { run } from '../load.ts';
import type { Address, Client, Link, StackName } from '../stack.ts';
import { expose } from './expose.ts';
import type { ClientCalls } from './protocol.ts';

async function clientOf(stack: StackName, address: Address): Promise<Client> {
  switch (stack) {
    case 'quic':
    case 'worker':
    case 'hop1':
    case 'hop2':
    case 'crowd':
      return (await import('../clients/alknet.ts')).client('quic', address);
    case 'tls':
      return (await import('../clients/alknet.ts')).client('tls', address);
    case 'grpc':
      return (await import('../clients/grpc.ts')).client(address);
    case 'ws':
      return (await import('../clients/ws.ts')).client(address);
    case 'sse':
      return (await import('../clients/sse.ts')).client(address);
    case 'websocket':
      return (await import('../clients/websocket.ts')).client(address);
    case 'currentspace':
      return (await import('../clients/currentspace.ts')).client(address);
    case 'git':
    case 'git-daemon':
    case 'git-http':
      return (await import('../clients/git.ts')).client(stack, address);
    case 'udp':
      return (await import('../clients/udp.ts')).client(address);
    default:
      return (await import('../clients/http.ts')).client(stack.endsWith('2') ? 2 : 1, address);
  }
}

/** How many handshakes are under way at once while idle connections are made. */
const dialling = 8;

let client: Client | undefined;
let link: Link | undefined;
const held: Link[] = [];

const calls: ClientCalls = {
  async start(stack, address) {
    client = await clientOf(stack, address);
    link = await client.connect();
    await link.echo?.();
  },
  async run(work, seconds) {
    if (client === undefined || link === undefined) throw new Error('expected start before run');
    return run(client, link, work, seconds);
  },
  async hold(connections) {
    const from = client;
    if (from === undefined) throw new Error('expected start before hold');
    let left = connections;
    const lane = async () => {
      while (left-- > 0) {
        const idle = await from.connect();
        held.push(idle);
        await idle.echo?.();
      }
    };
    await Promise.all(Array.from({ length: dialling }, lane));
  },
  async stop() {
    await Promise.all([...held, ...(link === undefined ? [] : [link])].map((each) => each.close()));
  },
};

expose(calls);

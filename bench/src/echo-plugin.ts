/**
 * The plugin that the node of the bench serves: what echo.proto is for gRPC. Its operations have schemas and a rule of
 * access, so that a call costs what a real one costs; its ALPNs give the bare streams under them.
 *
 * @module
 */

import { type Connection, defineOperation, definePlugin, type Stream, Type } from '@alknet/sdk';
import { chunkSize, message } from './message.ts';

const Message = Type.Object({
  text: Type.String({ maxLength: 1000 }),
  number: Type.Number(),
  flag: Type.Boolean(),
  tags: Type.Array(Type.String({ maxLength: 100 }), { maxItems: 10 }),
});

/** The operator that `alknet init` makes has it. */
const access = { scopes: ['admin'] } as const;

const echo = defineOperation({
  name: 'bench/echo',
  type: 'query',
  access,
  input: Message,
  output: Message,
  handler: (input) => input,
});

const items = defineOperation({
  name: 'bench/items',
  type: 'subscription',
  access,
  input: Message,
  output: Message,
  async *handler(_input, { signal }) {
    while (!signal.aborted) yield { ...message, tags: [...message.tags] };
  },
});

/** Writes until nobody reads any more. */
function pour(stream: Stream): void {
  const chunk = Buffer.alloc(chunkSize, 1);
  const more = () => {
    while (!stream.destroyed) if (!stream.write(chunk)) return void stream.once('drain', more);
  };
  stream.on('error', () => {});
  stream.resume();
  more();
}

function echoBytes(stream: Stream): void {
  stream.on('error', () => {});
  stream.pipe(stream);
}

const perStream: Readonly<Record<string, (stream: Stream) => void>> = {
  'bench/bulk': pour,
  'bench/stream': echoBytes,
};

async function serve(connection: Connection): Promise<void> {
  const take = perStream[connection.alpn];
  for await (const stream of connection) take?.(stream);
}

export default definePlugin({
  name: 'bench',
  version: '0.1.0',
  alpns: Object.keys(perStream),
  operations: [echo, items],
  start: () => ({ connection: serve }),
});

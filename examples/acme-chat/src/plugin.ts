/**
 * A chat room as a protocol of its own: each stream of `acme-chat/room` is a guest, each line of it goes to all others.
 */

import { definePlugin, type Stream, Type } from '@alknet/sdk';
import { LineTooLong, linesOf } from './lines.ts';
import { Room } from './room.ts';

export default definePlugin({
  name: 'acme-chat',
  version: '0.1.0',
  alpns: ['acme-chat/room'],
  config: Type.Object(
    {
      maxLine: Type.Integer({ minimum: 1, maximum: 65_536, default: 1024, description: 'bytes' }),
      maxGuests: Type.Integer({ minimum: 1, default: 100 }),
    },
    { additionalProperties: false },
  ),
  start(host) {
    const room = new Room();
    let { config } = host;

    async function serve(stream: Stream, name: string): Promise<void> {
      if (room.size >= config.maxGuests) {
        stream.resume().end('* the room is full\n');
        return;
      }
      room.enter(stream, name);
      try {
        // Leaving the loop must not cut the stream: there is something to say still.
        const chunks = stream.iterator({ destroyOnReturn: false });
        for await (const line of linesOf(chunks, config.maxLine)) if (line !== '') room.say(stream, line);
        stream.end();
      } catch (error) {
        if (error instanceof LineTooLong) stream.resume().end(`* ${error.message}\n`);
        // Else the guest has gone without a word: that is how streams end, too.
        else host.log.debug('guest lost', { guest: name, error });
      } finally {
        room.leave(stream);
      }
    }

    return {
      async connection(connection) {
        // The node has proved who this is; nobody can take another's name.
        const name = connection.auth.identity?.id ?? 'somebody';
        for await (const stream of connection) void serve(stream, name);
      },
      configure: (next) => {
        config = next;
      },
    };
  },
});

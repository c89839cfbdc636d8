/**
 * A stream to begin with, on a connection of many streams or of one.
 *
 * @module
 */

import type { Connection, Stream } from './connection.ts';
import { ConnectionError } from './errors.ts';

/**
 * One that is opened, or the one that there is on a connection of a single stream; of that it takes the only iterator.
 * @throws ConnectionError
 */
export async function firstStream(connection: Connection): Promise<Stream> {
  if (connection.multiplexed) return connection.openStream();
  const { value } = await connection[Symbol.asyncIterator]().next();
  if (value === undefined) throw new ConnectionError('CONNECTION_CLOSED', 'the node closed the connection');
  return value;
}

/**
 * Streams half-close and abort as `docs/spec/endpoint.md` 3 and 4 say, on connections of many streams and of one.
 *
 * @module
 */

import type { Connection, Stream } from '../../connection.ts';
import { firstStream } from '../../first-stream.ts';
import type { PluginUnderTest } from './driver.ts';
import {
  type Check,
  ConformanceFault,
  type StreamSample,
  type Subject,
  until,
  within,
  withNode,
} from './subject.ts';

export function connectionChecks(subject: Subject): Check[] {
  return (subject.plugin.alpns ?? []).flatMap((alpn) => [
    ...[false, true].map((singleStream) => ({
      title: `${alpn} ends its side of a stream after the client's, ${singleStream ? 'on a single stream' : 'on one of many'}`,
      run: () => halfCloses(subject, alpn, singleStream),
    })),
    { title: `${alpn} outlives the reset of a stream`, run: () => outlivesReset(subject, alpn) },
    { title: `${alpn} lets go of a connection that the client closed`, run: () => letsGo(subject, alpn) },
  ]);
}

/** A stream on which the sample has been said; the client's side is open still. */
export async function beginStream(connection: Connection, { send = '' }: StreamSample): Promise<Stream> {
  const stream = await firstStream(connection);
  stream.on('error', () => {});
  if (send.length > 0) stream.write(send);
  return stream;
}

async function halfCloses(subject: Subject, alpn: string, singleStream: boolean): Promise<void> {
  await withNode(subject, async (node) => {
    const connection = await node.connect({ alpn, identity: subject.identity, singleStream });
    await exchange(subject, node, connection, alpn);
    connection.close();
  });
}

/** Says the sample, ends, and reads what the plugin says to its end. */
async function exchange(
  subject: Subject,
  node: PluginUnderTest,
  connection: Connection,
  alpn: string,
): Promise<void> {
  const sample = subject.streams[alpn] ?? {};
  const stream = await beginStream(connection, sample);
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  const over = closed(stream);
  stream.end();
  const expected = sample.receive === undefined ? undefined : Buffer.from(sample.receive);
  const received = () => Buffer.concat(chunks);
  if (sample.endless === true) {
    const length = expected?.length ?? 1;
    await until(
      subject,
      () => `${alpn} went silent when the client had ended its side; ${length} bytes did not come`,
      () => received().length >= length,
    );
    compare(alpn, expected, received().subarray(0, length));
    stream.destroy();
    await within(subject, `a stream of ${alpn} that the client has given up did not end`, over);
    return;
  }
  await within(
    subject,
    `${alpn} did not end its side of a stream after the client had ended its own: end() it when "end" comes, or say endless: true for this ALPN; it stayed open`,
    Promise.race([over, new Promise<void>((resolve) => stream.once('end', resolve))]),
  );
  compare(alpn, expected, received());
  const line = node.log?.find(({ event }) => event === 'connection failed');
  if (line !== undefined)
    throw new ConformanceFault(
      `connection() of ${alpn} threw after a stream had ended: ${String(line.fields['error'])}`,
    );
}

/** However it comes about. */
function closed(stream: Stream): Promise<void> {
  return new Promise((resolve) => stream.once('close', resolve));
}

function compare(alpn: string, expected: Buffer | undefined, received: Buffer): void {
  if (expected === undefined || expected.equals(received)) return;
  throw new ConformanceFault(
    `${alpn}: expected to receive ${JSON.stringify(String(expected))}, received ${JSON.stringify(String(received))}`,
  );
}

async function outlivesReset(subject: Subject, alpn: string): Promise<void> {
  const { identity, streams } = subject;
  await withNode(subject, async (node) => {
    const connection = await node.connect({ alpn, identity, singleStream: false });
    const lost = await beginStream(connection, { send: 'x', ...streams[alpn] });
    // The plugin has it by now, or has not: both must be well.
    await new Promise((resolve) => setImmediate(resolve));
    const over = closed(lost);
    lost.destroy();
    await over;
    await new Promise((resolve) => setImmediate(resolve));
    const ended = connection.closed.then(({ code, reason }) => {
      throw new ConformanceFault(
        `${alpn}: the reset of one stream ended the whole connection, code ${code} ${reason}; catch what a stream throws where that stream is served`,
      );
    });
    await Promise.race([ended, exchange(subject, node, connection, alpn)]);
    ended.catch(() => {});
    connection.close();
  });
}

async function letsGo(subject: Subject, alpn: string): Promise<void> {
  const { identity, streams } = subject;
  await withNode(subject, async (node) => {
    for (const singleStream of [false, true]) {
      const connection = await node.connect({ alpn, identity, singleStream });
      await beginStream(connection, { send: 'x', ...streams[alpn] });
      await new Promise((resolve) => setImmediate(resolve));
      connection.close();
      await until(
        subject,
        () =>
          `connection() of ${alpn} goes on after the client has closed the connection: it must settle when its streams end or connection.signal aborts; it did not`,
        async () => (await node.running()).connections === 0,
      );
    }
  });
}

/** The contract of `engine.ts` for a connection: its streams, its end, its figures. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { test } from 'node:test';
import { ConnectionError, type Stream, StreamCode } from '@alknet/sdk';
import {
  type Engine,
  echo,
  errorOf,
  listening,
  readAll,
  said,
  streamOf,
  streamsOf,
  until,
} from './support.ts';

/** What holds on one stream as on many. */
export function connectionContract(engine: Engine): void {
  const { name } = engine;

  test(`END-28 ${name}: each direction of a stream ends on its own`, async (t) => {
    const node = await listening(t, engine);
    const [one, other] = await streamsOf(...(await node.pair()));
    one.end('question');
    assert.equal((await readAll(other)).toString(), 'question');
    other.write('ans');
    other.end('wer');
    assert.equal((await readAll(one)).toString(), 'answer');
  });

  test(`END-26 ${name}: bytes of both directions pass intact, in pieces of every size`, async (t) => {
    const node = await listening(t, engine);
    const [one, other] = await streamsOf(...(await node.pair()));
    const sent = [randomBytes(1 << 20), randomBytes(1 << 20)] as const;
    const write = async (stream: Stream, bytes: Buffer) => {
      for (let at = 0, size = 1; at < bytes.length; at += size, size = at < 500 ? 1 : size * 2)
        if (!stream.write(bytes.subarray(at, at + size))) await once(stream, 'drain');
      stream.end();
    };
    const [got] = await Promise.all([
      Promise.all([readAll(other), readAll(one)]),
      write(one, sent[0]),
      write(other, sent[1]),
    ]);
    assert.ok(sent[0].equals(got[0]) && sent[1].equals(got[1]));
  });

  test(`${name}: a reader that does not read holds the writer back, and what waits is counted`, async (t) => {
    const node = await listening(t, engine);
    const [near, far] = await node.pair();
    const [one, other] = await streamsOf(near, far);
    const chunk = Buffer.alloc(65_536);
    const most = 64 << 20;
    let written = 0;
    const pump = () => {
      while (written < most) {
        written += chunk.length;
        if (!one.write(chunk)) return;
      }
    };
    one.on('drain', pump);
    pump();
    await until(() => far.stats().buffered > 0 && near.stats().buffered > 0);
    for (let before = -1; before !== written; ) {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.ok(written < most, 'the writer is held back');
    assert.ok(one.writableNeedDrain);
    one.off('drain', pump);
    one.end();
    assert.equal((await readAll(other)).length, written);
    await until(() => near.stats().buffered + far.stats().buffered === 0);
  });

  test(`${name}: what was written and flushed arrives, although the connection is closed at once`, {
    timeout: 20_000,
  }, async (t) => {
    const node = await listening(t, engine);
    for (const length of [10, 300_000, 300_000, 300_000]) {
      const [near, far] = await node.pair();
      // At once: what the handshake still has to say is under way.
      const arriving = streamOf(far);
      const one = near.multiplexed ? await near.openStream() : await streamOf(near);
      one.write('!');
      const other = await arriving;
      await said(other);
      const received = readAll(other);
      const sent = randomBytes(length);
      one.end(sent);
      assert.ok(near.flushed);
      // The other half stays open: `other` has not ended.
      await near.flushed();
      near.close(0, 'done');
      assert.ok(sent.equals(await received), `${length} bytes`);
      other.end();
      await far.closed;
    }
  });

  test(`${name}: flushed() without an end waits for what a slow reader has not taken`, async (t) => {
    const node = await listening(t, engine);
    const [near, far] = await node.pair();
    assert.ok(near.flushed);
    await near.flushed();
    const [one, other] = await streamsOf(near, far);
    // Full as far as the other side takes it, and then a little that no `drain` will ever tell of.
    while (one.write(Buffer.alloc(65_536))) await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const flushed = near.flushed();
    other.resume();
    await flushed;
    assert.equal(one.writableLength, 0);
  });

  test(`END-31 ${name}: an error that nobody listens to ends a stream and nothing else`, async (t) => {
    const node = await listening(t, engine);
    const [near, far] = await node.pair();
    const [one, other] = await streamsOf(near, far);
    const gone = once(other, 'close').catch(() => {});
    other.resume().once('end', () => other.end());
    one.destroy(new Error('nobody listens'));
    await gone;
    const [, again] = await node.pair();
    assert.equal(again.alpn, 'test/echo');
  });

  test(`${name}: the first close wins, its will is told, and all of the connection is over`, async (t) => {
    for (const by of ['local', 'host'] as const) {
      const node = await listening(t, engine);
      const [near, far] = await node.pair();
      const [one, other] = await streamsOf(near, far);
      other.resume().once('end', () => other.end());
      const failed = once(one, 'close').catch(() => {});
      near.close(42, 'enough', by);
      near.close(43, 'again', 'local');
      assert.deepEqual(await near.closed, { code: 42, reason: 'enough', by });
      await failed;
      await assert.rejects(near.openStream(), { name: 'ConnectionError', code: 'CONNECTION_CLOSED' });
      assert.equal(near.stats().streams, 0);
      const end = await far.closed;
      if (near.multiplexed) assert.deepEqual(end, { code: 42, reason: 'enough', by: 'peer' });
      else assert.equal(end.code, 0);
      await until(() => node.slots() === 0 && far.stats().streams === 0);
    }
  });

  test(`END-53 ${name}: after many connections no place and no stream is left, and close leaves nothing`, async (t) => {
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const before = timers();
    const node = await listening(t, engine, { onAccepted: echo });
    const data = randomBytes(3000);
    for (let round = 0; round < 20; round++) {
      const ends = await Promise.all([node.dial(), node.dial(), node.dial()]);
      await Promise.all(
        ends.map(async (near) => {
          const stream = near.multiplexed ? await near.openStream() : await streamOf(near);
          stream.end(data);
          assert.ok(data.equals(await readAll(stream)));
          near.close(0, '');
        }),
      );
    }
    await until(() => node.slots() === 0);
    assert.equal(node.accepted.length, 60);
    assert.deepEqual(node.failures, []);
    for (const connection of node.accepted) assert.deepEqual(connection.stats(), { streams: 0, buffered: 0 });
    await node.transport.close();
    await node.listener.close();
    await until(() => timers() <= before);
  });
}

/** What many streams add. */
export function manyStreamsContract(engine: Engine): void {
  const { name } = engine;

  test(`${name}: either side opens streams, with ids of its own, and one does not wait for another`, async (t) => {
    const node = await listening(t, engine);
    const [near, far] = await node.pair();
    echo(near);
    echo(far);
    const streams = await Promise.all([near, near, far, far].map((end) => end.openStream()));
    assert.equal(new Set(streams.map(({ id }) => id)).size, 4);
    const [stalled, ...others] = streams;
    stalled?.write('waits');
    for (const [index, stream] of others.entries()) {
      stream.end(`stream ${index}`);
      assert.equal((await readAll(stream)).toString(), `stream ${index}`);
    }
    assert.equal(near.stats().streams, 1);
    stalled?.end();
    assert.equal((await readAll(stalled as Stream)).toString(), 'waits');
    await until(() => near.stats().streams + far.stats().streams === 0);
  });

  test(`${name}: streams that came before anybody serves them wait`, async (t) => {
    const node = await listening(t, engine);
    const [near, far] = await node.pair();
    const early = await near.openStream();
    early.end('early');
    await until(() => far.stats().streams === 1);
    assert.equal((await readAll(await streamOf(far))).toString(), 'early');
  });

  test(`END-29 ${name}: destroy() resets and stops with CANCELLED or the code of its error`, async (t) => {
    const node = await listening(t, engine);
    const [near, far] = await node.pair();
    for (const [error, streamCode] of [
      [undefined, StreamCode.CANCELLED],
      [Object.assign(new Error('mine'), { streamCode: 77 }), 77],
    ] as const) {
      const [one, other] = await streamsOf(near, far);
      const failed = errorOf(other);
      other.resume();
      one.destroy(error);
      const reason = await failed;
      assert.ok(reason instanceof ConnectionError);
      assert.deepEqual([reason.code, reason.streamCode], ['STREAM_RESET', streamCode]);
    }
    await until(() => near.stats().streams + far.stats().streams === 0);
  });

  test(`${name}: after the end of its own data, destroy() stops the peer, whose next write fails`, async (t) => {
    const node = await listening(t, engine);
    const [one, other] = await streamsOf(...(await node.pair()));
    one.end('all');
    assert.equal((await readAll(other)).toString(), 'all');
    const failed = errorOf(other);
    one.destroy(Object.assign(new Error('enough'), { streamCode: 99 }));
    const write = () => {
      if (other.destroyed) return;
      other.write('more');
      setTimeout(write, 5);
    };
    write();
    const reason = await failed;
    assert.equal(reason.code, 'STREAM_STOPPED');
    // A QUIC library may have forgotten the code by the time of the write, never may it make one up.
    assert.ok(reason.streamCode === 99 || reason.streamCode === undefined);
  });

  test(`END-32 ${name}: beyond the credit openStream waits in order, until one ends, is aborted, or all is over`, async (t) => {
    const node = await listening(t, engine, { tuning: { streamsPerConnection: 2 } });
    const [near, far] = await node.pair();
    echo(far);
    const open = [await near.openStream(), await near.openStream()];
    for (const stream of open) stream.write('x');
    const controller = new AbortController();
    const given = near.openStream({ signal: controller.signal });
    const order: number[] = [];
    const waiting = [1, 2].map((which) =>
      near.openStream().then((stream) => {
        order.push(which);
        return stream;
      }),
    );
    controller.abort(new Error('given up'));
    await assert.rejects(given, /given up/);
    await assert.rejects(near.openStream({ signal: controller.signal }), /given up/);
    assert.deepEqual(order, []);
    open[0]?.resume().end();
    (await waiting[0])?.resume().end();
    assert.deepEqual(order.slice(0, 1), [1]);
    (await waiting[1])?.resume().write('y');
    const last = near.openStream();
    near.close(1, 'over');
    await assert.rejects(last, { code: 'CONNECTION_CLOSED' });
  });

  test(`END-41 ${name}: a connection that was dialled outlives the idle time-out by keep-alive`, async (t) => {
    const idleTimeout = 300;
    const node = await listening(t, engine, { tuning: { idleTimeout } });
    const [near, far] = await node.pair();
    echo(far);
    const ended: unknown[] = [];
    for (const end of [near, far]) void end.closed.then((info) => ended.push(info));
    await new Promise((resolve) => setTimeout(resolve, 3.5 * idleTimeout));
    assert.deepEqual(ended, []);
    const stream = await near.openStream();
    stream.end('alive');
    assert.equal((await readAll(stream)).toString(), 'alive');
  });
}

/** What a single stream does differently. */
export function oneStreamContract(engine: Engine): void {
  const { name } = engine;

  test(`END-04 ${name}: there is one stream, for both ends, and openStream refuses another`, async (t) => {
    const node = await listening(t, engine);
    const [near, far] = await node.pair();
    const [one, other] = await streamsOf(near, far);
    for (const end of [near, far])
      await assert.rejects(end.openStream(), { name: 'ConnectionError', code: 'STREAM_CLOSED' });
    one.resume().end();
    other.resume().end();
    assert.equal((await near.closed).code, 0);
    assert.equal((await far.closed).code, 0);
  });

  test(`END-30 ${name}: destroy() is a reset for the other end, whose connection the transport ended`, async (t) => {
    const node = await listening(t, engine);
    const [near, far] = await node.pair();
    const [one, other] = await streamsOf(near, far);
    const failed = errorOf(other);
    other.resume();
    one.destroy();
    assert.equal((await failed).code, 'STREAM_RESET');
    assert.equal((await far.closed).by, 'transport');
    assert.equal((await near.closed).by, 'local');
  });

  test(`${name}: an idle connection is ended by the transport, a busy one is not`, async (t) => {
    const tlsIdleTimeout = 300;
    const node = await listening(t, engine, { tuning: { tlsIdleTimeout } });
    const [near, far] = await node.pair();
    const [one, other] = await streamsOf(near, far);
    other.pipe(other);
    one.resume();
    const started = performance.now();
    const busy = setInterval(() => one.write('x'), tlsIdleTimeout / 10);
    await new Promise((resolve) => setTimeout(resolve, 3 * tlsIdleTimeout));
    assert.equal(far.stats().streams, 1);
    clearInterval(busy);
    assert.equal((await far.closed).by, 'transport');
    assert.ok(performance.now() - started > 3.5 * tlsIdleTimeout);
  });
}

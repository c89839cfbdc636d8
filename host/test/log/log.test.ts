import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { type LogSettings, NodeLog } from '../../src/log/log.ts';

/** A stream that takes nothing until it is let. */
class Stalled extends Writable {
  text = '';
  #go: (() => void) | undefined;
  #open = false;

  constructor(open = false) {
    super({ decodeStrings: false });
    this.#open = open;
  }

  override _write(chunk: string, _encoding: string, done: () => void): void {
    this.text += chunk;
    if (this.#open) done();
    else this.#go = done;
  }

  release(): void {
    this.#open = true;
    this.#go?.();
  }

  get lines(): string[] {
    return this.text.split('\n').slice(0, -1);
  }
}

function logTo(stream: Writable, format: 'text' | 'json', settings: Partial<LogSettings> = {}): NodeLog {
  return new NodeLog({ level: 'info', plugins: {}, ...settings }, { format, colour: false, stream });
}

const hostile = 'bye\r\n2026-01-01T00:00:00.000Z error  fake peer="root"\u2028\u0085\x1b[31m\x7f=\u00e9';

test('CFG-47 text from a peer stays inside one line and one field', () => {
  const json = new Stalled(true);
  logTo(json, 'json').log.warn('connection closed', { peer: 'bob', reason: hostile, code: 1 });
  assert.equal(json.lines.length, 1);
  const { level, event, peer, reason, code } = JSON.parse(json.text) as Record<string, unknown>;
  assert.deepEqual(
    { level, event, peer, reason, code },
    {
      level: 'warn',
      event: 'connection closed',
      peer: 'bob',
      reason: hostile,
      code: 1,
    },
  );

  const text = new Stalled(true);
  logTo(text, 'text').log.warn('connection closed', { peer: 'bob', reason: hostile, code: 1 });
  assert.equal(text.lines.length, 1);
  assert.match(text.text, /^[\x20-\x7e]+\n$/);
  const [, quoted = ''] = / reason=("(?:[^"\\]|\\.)*") code=1\n$/.exec(text.text) ?? [];
  assert.equal(JSON.parse(quoted), hostile);
});

test('CFG-47 neither does a name of a field, an event or a thrown error start a line', () => {
  const text = new Stalled(true);
  const { log } = logTo(text, 'text');
  log.error(`handler\nerror`, {
    [`a\nb=c`]: 1,
    error: new Error(`first\nsecond`, { cause: new Error('why') }),
  });
  assert.equal(text.lines.length, 1);
  assert.match(text.text, /first\\nsecond/);
  assert.match(text.text, /caused by Error: why/);
});

test('CFG-46 a level counts from the next line on, for the node and for one plugin', () => {
  const out = new Stalled(true);
  const node = logTo(out, 'json');
  const [acme, other] = [node.plugin('acme'), node.plugin('other')];
  const say = (round: number) => {
    for (const log of [node.log, acme, other]) log.debug(`debug ${round}`);
  };
  const heard = () => out.lines.map((line) => JSON.parse(line) as { event: string; plugin?: string });
  say(1);
  assert.deepEqual(heard(), []);
  node.configure({ level: 'info', plugins: { acme: 'debug' } });
  say(2);
  assert.deepEqual(
    heard().map(({ event, plugin }) => [event, plugin]),
    [['debug 2', 'acme']],
  );
  assert.equal(acme.enabled('debug'), true);
  assert.equal(other.enabled('debug'), false);
  node.configure({ level: 'debug', plugins: { acme: 'error' } });
  say(3);
  assert.deepEqual(
    heard()
      .slice(1)
      .map(({ event, plugin }) => [event, plugin]),
    [
      ['debug 3', undefined],
      ['debug 3', 'other'],
    ],
  );
});

test('CFG-48 a sink that takes nothing costs bounded memory, and the lines dropped are counted in a later one', async () => {
  const slow = new Stalled();
  const node = logTo(slow, 'json');
  const padding = 'x'.repeat(200);
  for (let n = 0; n < 20_000; n++) node.log.info('busy', { n, padding });
  assert.ok(slow.writableLength < 1024 * 1024 + 1000, `${slow.writableLength} bytes wait`);
  for (let n = 0; n < 50; n++) node.log.warn('important', { n });
  const { dropped } = node.sink;
  assert.ok(dropped > 10_000);
  const drained = once(slow, 'drain');
  slow.release();
  await drained;
  node.log.info('after');
  await new Promise((resolve) => setImmediate(resolve));
  const lines = slow.lines.map((line) => JSON.parse(line) as { event: string; lines?: number });
  const count = (event: string) => lines.filter((line) => line.event === event).length;
  assert.equal(count('important'), 50);
  assert.equal(count('busy') + dropped, 20_000);
  assert.deepEqual(
    lines.slice(-2).map(({ event, lines: told }) => [event, told]),
    [
      ['log lines dropped', dropped],
      ['after', undefined],
    ],
  );
});

test('CFG-48 warnings go on to be kept in a slow sink, up to a bound of their own', () => {
  const slow = new Stalled();
  const node = logTo(slow, 'json');
  const padding = 'x'.repeat(1000);
  for (let n = 0; n < 20_000; n++) node.log.warn('warned', { n, padding });
  assert.ok(slow.writableLength < 8 * 1024 * 1024 + 2000);
  assert.ok(node.sink.dropped > 0);
});

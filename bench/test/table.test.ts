import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rounded, table } from '../src/table.ts';

test('bench: figures are shown with the three digits that count', () => {
  const shown = [0, 0.1234, 7.849, 62.71, 100.4, 999.6, 12_345, 1_774_000].map(rounded);
  assert.deepEqual(shown, ['0', '0.123', '7.85', '62.7', '100', '1 000', '12 300', '1 770 000']);
});

test('bench: the table shows ratios where both figures are there, failures, and no empty column', () => {
  const row = { name: 'bulk', unit: 'MB/s', better: 'more', failures: {} } as const;
  const figure = (value: number) => ({ value, samples: [value] });
  const text = table([
    { ...row, title: 'first', figures: { quic: figure(200), grpc: figure(50) } },
    {
      ...row,
      title: 'second',
      figures: { grpc: figure(40) },
      failures: { quic: 'no answer' },
      better: 'less',
    },
  ]);
  assert.equal(
    text,
    [
      '|                         | unit | alknet QUIC | grpc-js | quic / grpc |',
      '| ----------------------- | ---- | ----------: | ------: | ----------: |',
      '| first                   | MB/s |         200 |    50.0 |       4.00× |',
      '| second (less is better) | MB/s |      failed |    40.0 |             |',
    ].join('\n'),
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseResult, type RowResult, type RunResult, regressions } from '../src/result.ts';

const figure = (value: number) => ({ value, samples: [value] });

function run(...rows: Partial<RowResult>[]): RunResult {
  const row = {
    name: 'unary-64',
    title: '',
    unit: 'calls/s',
    better: 'more',
    figures: {},
    failures: {},
  } as const;
  return {
    format: 'alknet-bench',
    version: 1,
    date: '2026-01-01T00:00:00.000Z',
    seconds: 1,
    rounds: 1,
    machine: { cpu: '', cores: 2, memory: 1, system: '', node: '', openssl: '', packages: {} },
    rows: rows.map((changes) => ({ ...row, ...changes })),
  };
}

test('bench: a figure that falls by more than the threshold is named, one that falls by less is not', () => {
  const before = run({ figures: { quic: figure(1000), tls: figure(1000) } });
  const now = run({ figures: { quic: figure(700), tls: figure(950) } });
  const found = regressions(before, now, 0.15);
  assert.deepEqual(
    found.map(({ row, stack, before, now }) => ({ row, stack, before, now })),
    [{ row: 'unary-64', stack: 'quic', before: 1000, now: 700 }],
  );
});

test('bench: what the peers lost too is the machine, and no regression', () => {
  const before = run({ figures: { quic: figure(1000), grpc: figure(100), ws: figure(5000) } });
  const slower = run({ figures: { quic: figure(500), grpc: figure(50), ws: figure(2500) } });
  assert.deepEqual(regressions(before, slower, 0.15), []);
  const faster = run({ figures: { quic: figure(1000), grpc: figure(200), ws: figure(10_000) } });
  assert.equal(regressions(before, faster, 0.15).length, 1);
});

test('bench: where less is better, more memory is the regression', () => {
  const before = run({ better: 'less', figures: { quic: figure(20) } });
  assert.equal(regressions(before, run({ better: 'less', figures: { quic: figure(30) } }), 0.15).length, 1);
  assert.deepEqual(regressions(before, run({ better: 'less', figures: { quic: figure(10) } }), 0.15), []);
});

test('bench: a contender that failed is a regression, a row that was not run is none', () => {
  const before = run({ figures: { quic: figure(1000) } });
  assert.equal(
    regressions(before, run({ failures: { quic: 'no answer' } }), 0.15)[0]?.worse,
    Number.POSITIVE_INFINITY,
  );
  assert.deepEqual(regressions(before, run(), 0.15), []);
  assert.deepEqual(regressions(before, { ...before, rows: [] }, 0.15), []);
});

test('bench: a file that is no result is refused by name', () => {
  assert.throws(() => parseResult('{"format":"other"}', 'old.json'), /old\.json: expected a result/);
  assert.equal(parseResult(JSON.stringify(run()), 'old.json').version, 1);
});

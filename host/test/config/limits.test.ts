import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { parseBytes, parseDuration } from '@alknet/sdk';
import { accepted, refused } from './support.ts';

interface Row {
  key: string;
  value: string;
  low: string;
  high: string;
  zero: boolean;
}

/** The table of the specification, so that code and text cannot drift apart. */
async function table(): Promise<Row[]> {
  const spec = await readFile(new URL('../../../docs/spec/config.md', import.meta.url), 'utf8');
  const section = /## 12\. Limits([\s\S]*?)## 13/.exec(spec)?.[1] ?? '';
  return [...section.matchAll(/^\| `(\w+)` \| ([^|]+) \| (0, )?([^|]+?) … ([^|]+) \|/gm)].map(
    ([, key = '', value = '', zero, low = '', high = '']) => ({
      key,
      value: value.trim(),
      low: low.trim(),
      high: high.trim(),
      zero: zero !== undefined,
    }),
  );
}

/** `1 000 000`, `16 MiB`, `10 m` as the file writes them. */
function written(text: string): string | number {
  const tight = text.replaceAll(/[\s\u00a0\u202f]/g, '');
  return /^\d+$/.test(tight) ? Number(tight) : tight;
}

function amount(text: string): number {
  const value = written(text);
  return typeof value === 'number' ? value : (parseDuration(value) ?? parseBytes(value) ?? Number.NaN);
}

test('CFG-44 each limit has the default of the specification and refuses a value outside its range', async () => {
  const rows = await table();
  assert.equal(rows.length, 20);
  const { limits } = accepted('{}').config;
  for (const { key, value, low, high, zero } of rows) {
    assert.equal((limits as Record<string, number>)[key], amount(value), key);
    const isTime = /[smhd]$/.test(high);
    const outside = [isTime ? amount(high) / 1000 + 1 : amount(high) + 1, -1];
    if (amount(low) > 0) outside.push(isTime ? amount(low) / 1000 - 0.5 : amount(low) - 1);
    for (const bad of outside) {
      const problems = refused(JSON.stringify({ limits: { [key]: bad } }));
      assert.equal(problems[0]?.pointer, `/limits/${key}`, `${key}: ${bad}`);
    }
    if (zero) accepted(JSON.stringify({ limits: { [key]: 0 } }));
  }
});

test('CFG-44 limits that contradict each other are refused, and both values are shown', () => {
  const [frame] = refused('{ "limits": { "frame": "64MiB" } }');
  assert.match(frame?.message ?? '', /twice limits\.frame \(64MiB\), found 32MiB/);
  const [buffered] = refused('{ "limits": { "bufferedPerConnection": "1GiB" } }');
  assert.match(buffered?.message ?? '', /at least limits\.bufferedPerConnection \(1GiB\), found 512MiB/);
  const [timeout] = refused('{ "limits": { "callTimeout": "20m" } }');
  assert.match(timeout?.message ?? '', /at least limits\.callTimeout \(20m\), found 10m/);
});

test('CFG-45 a lowered limit is a new number in a new configuration; the old object is as it was', () => {
  const before = accepted('{ "limits": { "connections": 10 } }').config;
  const after = accepted('{ "limits": { "connections": 5 } }').config;
  assert.deepEqual([before.limits.connections, after.limits.connections], [10, 5]);
  assert.throws(() => Object.assign(before.limits, { connections: 1 }), TypeError);
});

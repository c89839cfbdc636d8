/** Only where `@currentspace/http3` is installed, which bench/README.md tells how to do: it is no dependency. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isInstalled } from '../src/currentspace.ts';
import { measure } from '../src/measure.ts';
import { scenarios } from '../src/scenarios.ts';

const rows = scenarios.filter(({ stacks }) => stacks.includes('currentspace'));

test('bench: @currentspace/http3 is a contender of the rows of QUIC where it is installed, and of none elsewhere', () => {
  assert.deepEqual(
    rows.map(({ name }) => name),
    isInstalled ? ['streams-64', 'bulk-16k'] : [],
  );
});

for (const row of rows)
  test(`bench: the raw QUIC of @currentspace/http3 is measured: ${row.name}`, async () => {
    const { figures, failures } = await measure(
      { ...row, stacks: ['currentspace'] },
      { seconds: 0.1, rounds: 1 },
      () => {},
    );
    assert.deepEqual(failures, {});
    assert.ok((figures.currentspace?.value ?? 0) > 0);
  });

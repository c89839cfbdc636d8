import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measure } from '../src/measure.ts';
import { scenarios } from '../src/scenarios.ts';
import type { StackName } from '../src/stack.ts';

async function shortly(name: string, stacks: readonly StackName[]) {
  const scenario = scenarios.find((each) => each.name === name);
  assert.ok(scenario);
  const small = scenario.kind === 'idle' ? { ...scenario, connections: 20 } : scenario;
  return measure({ ...small, stacks }, { seconds: 0.1, rounds: 1 }, () => {});
}

for (const name of ['unary-1', 'items', 'bulk', 'connect', 'idle-js']) {
  test(`bench: the peers and the floor are measured in processes of their own: ${name}`, async () => {
    const stacks: StackName[] =
      name === 'unary-1' || name === 'bulk' ? ['grpc', 'ws', 'udp'] : ['grpc', 'ws'];
    const { figures, failures } = await shortly(name, stacks);
    assert.deepEqual(failures, {});
    for (const stack of stacks) assert.ok((figures[stack]?.value ?? 0) > 0, `${stack} has a figure`);
  });
}

test('bench: alknet is measured over both transports', async () => {
  const { figures, failures } = await shortly('unary-64', ['quic', 'tls']);
  assert.deepEqual(failures, {});
  assert.ok((figures.quic?.value ?? 0) > 0);
  assert.ok((figures.tls?.value ?? 0) > 0);
});

test('bench: a contender that cannot do the work fails alone, with the reason', async () => {
  const { figures, failures } = await shortly('items', ['udp', 'ws']);
  assert.match(failures.udp ?? '', /this stack has no subscriptions/);
  assert.ok((figures.ws?.value ?? 0) > 0);
});

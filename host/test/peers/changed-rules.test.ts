import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RemoteCaller } from '@alknet/sdk';
import { PeerLink } from '../../src/peers/peer-link.ts';
import { eventually } from '../eventually.ts';
import { fixture, gate, identity, query } from '../registry/fixture.ts';

test('rules that come in while the peer is being asked hold for what is imported', async (t) => {
  const far = fixture(t);
  far.registry.publishHost(far.owner('host'), []);
  const echo = (input: unknown) => input;
  far.plugin('tool', [query('tool/one', echo), query('tool/two', echo)]);
  const gateway = far.as(identity('near'));
  const asked = gate();
  const answered = gate();
  const closed = gate();
  const remote: RemoteCaller = {
    async call(name, input, { signal } = {}) {
      if (name === 'services/list') {
        asked.open();
        await answered.passed;
      }
      return gateway.call(name, input, signal === undefined ? {} : { signal });
    },
    subscribe: (name, input, { signal } = {}) =>
      gateway.subscribe(name, input, signal === undefined ? {} : { signal }),
    closed: closed.passed,
  };
  const near = fixture(t);
  const owner = near.owner('w');
  const settings = (include: string) => ({
    alias: 'w',
    dials: false,
    import: { prefix: 'w/', include: [include], exclude: [] },
    exports: [],
  });
  near.registry.peers.attach({ id: 'far', remote });
  const link = new PeerLink(settings('tool/one'), {
    registry: near.registry,
    owner,
    log: owner.log,
    peerId: () => 'far',
    dial: () => Promise.reject(new Error('the peer is there already')),
  });
  t.after(async () => {
    closed.open();
    await link.stop();
  });
  await asked.passed;
  link.configure(settings('tool/two'));
  answered.open();
  const names = () => near.registry.base.all().map(({ operation }) => operation.name);
  await eventually('the new rules', () => names().includes('w/tool/two'), 5_000);
  assert.ok(!names().includes('w/tool/one'));
});

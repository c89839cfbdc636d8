import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Access, Type } from '@alknet/sdk';
import { authOf, type Fixture, fixture, identity, query, type Rights, refused } from './fixture.ts';

const idInput = Type.Object({ id: Type.Optional(Type.Unknown()) });

/** One operation `door/open` under that rule; answers who called. */
function door(f: Fixture, access: Access) {
  f.plugin('door', [
    query('door/open', (_input, { identity: who }) => who?.id ?? 'anonymous', { access, input: idInput }),
  ]);
  return {
    open: (who: Rights | null, input: unknown = {}) =>
      f.as(who && identity('ann', who)).call('door/open', input),
  };
}

test('REG-01 all required scopes are needed', async (t) => {
  const { open } = door(fixture(t), { scopes: ['a', 'b'] });
  assert.equal(await open({ scopes: ['b', 'a', 'c'] }), 'ann');
  await assert.rejects(open({ scopes: ['a'] }), refused('FORBIDDEN', 'missing required scope: b'));
  await assert.rejects(open({ scopes: ['a', 'B'] }), refused('FORBIDDEN', 'missing required scope: b'));
  await assert.rejects(open({ scopes: ['*'] }), refused('FORBIDDEN', 'missing required scope: a'));
  await assert.rejects(open(null), refused('FORBIDDEN', 'authentication required'));
});

test('REG-01 one scope of an any-list is enough', async (t) => {
  const { open } = door(fixture(t), { anyScopes: ['a', 'b'] });
  assert.equal(await open({ scopes: ['b'] }), 'ann');
  await assert.rejects(
    open({ scopes: ['c'] }),
    refused('FORBIDDEN', 'missing required scope (any of: a, b)'),
  );
});

test('REG-01 public admits anonymous, authenticated any identity', async (t) => {
  assert.equal(await door(fixture(t), 'public').open(null), 'anonymous');
  const authenticated = door(fixture(t), 'authenticated');
  assert.equal(await authenticated.open({}), 'ann');
  await assert.rejects(authenticated.open(null), refused('FORBIDDEN', 'authentication required'));
});

test('REG-02 an empty any-list denies', async (t) => {
  const { open } = door(fixture(t), { anyScopes: [] });
  await assert.rejects(open({ scopes: ['admin'] }), refused('FORBIDDEN'));
});

test('REG-03 static grants: type with action, type alone, action alone, and manage', async (t) => {
  const both = door(fixture(t), { resource: { type: 'repo', action: 'push' } });
  assert.equal(await both.open({ resources: { repo: ['push'] } }), 'ann');
  assert.equal(await both.open({ resources: { repo: ['manage'] } }), 'ann');
  await assert.rejects(
    both.open({ resources: { repo: ['pull'], wiki: ['push'] } }),
    refused('FORBIDDEN', 'missing resource: repo/push'),
  );

  const type = door(fixture(t), { resource: { type: 'repo' } });
  assert.equal(await type.open({ resources: { repo: ['anything'] } }), 'ann');
  const others: Record<string, string[]>[] = [{ repo: [] }, { wiki: ['push'] }, {}];
  for (const resources of others) {
    await assert.rejects(type.open({ resources }), refused('FORBIDDEN', 'missing resource: repo'));
  }

  const action = door(fixture(t), { resource: { action: 'push' } });
  assert.equal(await action.open({ resources: { wiki: [], repo: ['push'] } }), 'ann');
  await assert.rejects(
    action.open({ resources: { repo: ['pull'] } }),
    refused('FORBIDDEN', 'missing resource action: push'),
  );
});

test('REG-03 a resource type named like a member of every object is granted to nobody', async (t) => {
  const { open } = door(fixture(t), { resource: { type: 'constructor' } });
  await assert.rejects(open({ resources: {} }), refused('FORBIDDEN', 'missing resource: constructor'));
});

const byId: Access = { resource: { type: 'box', action: 'open', path: '/id' } };

test('REG-04 the owner is allowed, others are not, and after revoke neither is the former owner', async (t) => {
  const f = fixture(t);
  f.plugin('box', [
    query('box/make', async ({ id }: { id: string }, { resources }) => resources.record('box', id), {
      access: 'authenticated',
    }),
    query('box/drop', async ({ id }: { id: string }, { resources }) => resources.revoke('box', id)),
    query('box/open', () => 'open', { access: byId }),
  ]);
  const ann = f.as(identity('ann'));
  const bob = f.as(identity('bob'));
  await ann.call('box/make', { id: 'one' });
  assert.equal(await ann.call('box/open', { id: 'one' }), 'open');
  await assert.rejects(
    bob.call('box/open', { id: 'one' }),
    refused('FORBIDDEN', 'not owner of resource: box/one'),
  );
  await assert.rejects(
    f.as(null).call('box/open', { id: 'one' }),
    refused('FORBIDDEN', 'authentication required'),
  );
  await bob.call('box/make', { id: 'two' });
  await ann.call('box/drop', { id: 'one' });
  await assert.rejects(ann.call('box/open', { id: 'one' }), refused('FORBIDDEN'));
  await ann.call('box/drop', { id: 'never there' });
});

test('REG-04 ownership is there again after a restart', async (t) => {
  const first = fixture(t);
  const { MemoryStore } = await import('@alknet/sdk/testing');
  const { Registry } = await import('../../src/registry/registry.ts');
  const store = new MemoryStore();
  const open = async () => {
    const registry = new Registry({ ...first.registry, store });
    await registry.load();
    t.after(() => registry.close());
    return registry;
  };
  const long = `${'ü'.repeat(400)}/../x`;
  const before = await open();
  await before.ownership.record('box', long, 'ann');
  await before.ownership.record('box', 'gone', 'ann');
  await before.ownership.revoke('box', 'gone');
  const after = await open();
  assert.equal(after.owns('ann', 'box', long), true);
  assert.equal(after.owns('bob', 'box', long), false);
  assert.equal(after.owns('ann', 'box', 'gone'), false);
});

test('REG-05 a static grant passes for an id without owner and for somebody else’s', async (t) => {
  const f = fixture(t);
  const { open } = door(f, byId);
  const rights = { resources: { box: ['open'] } };
  assert.equal(await open(rights, { id: 'nobody’s' }), 'ann');
  await f.registry.ownership.record('box', 'bobs', 'bob');
  assert.equal(await open(rights, { id: 'bobs' }), 'ann');
  await assert.rejects(open({ resources: { box: ['close'] } }, { id: 'bobs' }), refused('FORBIDDEN'));
});

test('REG-06 a resource id that is missing, empty, too long or no text is INVALID_INPUT, whatever is owned', async (t) => {
  const f = fixture(t);
  const { open } = door(f, byId);
  await f.registry.ownership.record('box', 'mine', 'ann');
  const wrong = [
    {},
    null,
    [],
    'text',
    { id: '' },
    { id: 7 },
    { id: null },
    { id: ['mine'] },
    { id: { id: 'mine' } },
  ];
  for (const input of [...wrong, { id: 'x'.repeat(1025) }, { id: 'ü'.repeat(513) }]) {
    await assert.rejects(open({}, input), refused('INVALID_INPUT', 'resource id missing: /id'));
  }
  await assert.rejects(open(null, {}), refused('FORBIDDEN', 'authentication required'));
  assert.equal(await open({}, { id: 'mine' }), 'ann');
});

test('REG-07 a list operation gives a caller who owns nothing an empty list', async (t) => {
  const f = fixture(t);
  f.plugin('box', [
    query('box/list', async (_input, { resources }) => (await resources.owned('box')).ids, {
      access: { resource: { type: 'box', list: true } },
    }),
  ]);
  await f.registry.ownership.record('box', 'b', 'ann');
  await f.registry.ownership.record('box', 'a', 'ann');
  assert.deepEqual(await f.as(identity('bob')).call('box/list'), []);
  assert.deepEqual(await f.as(identity('ann')).call('box/list'), ['a', 'b']);
  await assert.rejects(f.as(null).call('box/list'), refused('FORBIDDEN', 'authentication required'));
});

test('REG-08 forwarded_for and the network address change no decision', async (t) => {
  const f = fixture(t);
  f.plugin('door', [
    query('door/open', (_input, { forwardedFor }) => forwardedFor?.id ?? null, { access: { scopes: ['a'] } }),
  ]);
  const forwardedFor = { id: 'ann' };
  const ann = f.as(identity('ann', { scopes: ['a'] }));
  const worker = f.as(identity('worker', { scopes: [] }));
  assert.equal(await ann.call('door/open', {}, { forwardedFor: { id: 'nobody' } }), 'nobody');
  await assert.rejects(worker.call('door/open', {}, { forwardedFor }), refused('FORBIDDEN'));
  await assert.rejects(f.as(null).call('door/open', {}, { forwardedFor }), refused('FORBIDDEN'));
  for (const remote of [null, { address: '::1', port: 1 }, { address: '203.0.113.9', port: 65_535 }]) {
    const from = (scopes: string[]) =>
      f.registry.gateway({ ...authOf(identity('ann', { scopes })), remote }).call('door/open');
    assert.equal(await from(['a']), null);
    await assert.rejects(from([]), refused('FORBIDDEN'));
  }
});

test('a plugin records and revokes only types that its own operations name', async (t) => {
  const f = fixture(t);
  f.plugin('box', [
    query('box/make', async (_input, { resources }) => resources.record('repo', 'x'), { access: byId }),
  ]);
  await f.registry.ownership.record('box', 'mine', 'ann');
  await assert.rejects(f.as(identity('ann')).call('box/make', { id: 'mine' }), refused('FORBIDDEN'));
  assert.equal(f.registry.owns('ann', 'repo', 'x'), false);
});

test('a refusal by access is logged with operation and caller, and the handler has not run', async (t) => {
  const f = fixture(t);
  let ran = false;
  f.plugin('door', [
    query(
      'door/open',
      () => {
        ran = true;
      },
      { access: { scopes: ['a'] } },
    ),
  ]);
  await assert.rejects(f.as(identity('bob')).call('door/open', { secret: 'hunter2' }), refused('FORBIDDEN'));
  assert.equal(ran, false);
  const line = f.lines.find(({ event }) => event === 'access refused');
  assert.equal(line?.level, 'info');
  assert.deepEqual([line?.fields['operation'], line?.fields['peer']], ['door/open', 'bob']);
  assert.ok(!JSON.stringify(f.lines).includes('hunter2'));
});

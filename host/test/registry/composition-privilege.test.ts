import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import type { Identity, OperationContext } from '@alknet/sdk';
import { fixture, identity, privilege, publishLeaves, query, refused, subscription } from './fixture.ts';

const root = identity('root', { scopes: ['admin', 'user'], resources: { box: ['manage'] } });

/** A query that composes another and gives what that gives. */
const forward = (name: string, target: string, more = {}) =>
  query(name, (input: unknown, { env }) => env.invoke(target, input), more);

/** The words in which a composed call was refused, as its parent saw them. */
const attempt = (name: string, target: string) =>
  query(name, async (input: unknown, { env }) => {
    try {
      return await env.invoke(target, input);
    } catch (error) {
      const { code, message } = error as { code: string; message: string };
      return { code, message };
    }
  });

test('REG-10 composing outside the reach is NOT_FOUND, even if the operation exists', async (t) => {
  const f = fixture(t);
  f.plugin('b', [query('b/x', () => 'x'), query('b/y', () => 'y'), query('b/x/z', () => 'z')]);
  f.plugin(
    'a',
    [attempt('a/x', 'b/x'), attempt('a/y', 'b/y'), attempt('a/z', 'b/x/z'), attempt('a/none', 'b/none')],
    {
      reach: ['b/x', '@*:b/y', '@w:*'],
    },
  );
  const call = (name: string) => f.as(root).call(name);
  assert.equal(await call('a/x'), 'x');
  assert.deepEqual(await call('a/y'), { code: 'NOT_FOUND', message: 'operation not found: b/y' });
  assert.deepEqual(await call('a/z'), { code: 'NOT_FOUND', message: 'operation not found: b/x/z' });
  assert.deepEqual(await call('a/none'), { code: 'NOT_FOUND', message: 'operation not found: b/none' });
});

test('REG-10 a prefix reaches what begins with it, a star everything, nothing nothing', async (t) => {
  const f = fixture(t);
  f.plugin('b', [query('b/x', () => 'x'), query('b-more/x', () => 'more')]);
  const can = (name: string) =>
    query(name, (_input, { env }) => ['b/x', 'b-more/x', 'b/none'].filter((target) => env.can(target)));
  f.plugin('one', [can('one/can')], { reach: ['b/*'] });
  f.plugin('all', [can('all/can')], { reach: ['*'] });
  f.plugin('none', [can('none/can')], {});
  assert.deepEqual(await f.as(root).call('one/can'), ['b/x']);
  assert.deepEqual(await f.as(root).call('all/can'), ['b/x', 'b-more/x']);
  assert.deepEqual(await f.as(root).call('none/can'), []);
});

test('REG-11 a child sees the parent’s authority as identity; caller is the root’s', async (t) => {
  const f = fixture(t);
  const seen = ({ identity: who, caller, internal, depth, parentId }: OperationContext) => ({
    identity: who?.id,
    scopes: who?.scopes,
    caller: caller?.id,
    internal,
    depth,
    hasParent: parentId !== undefined,
  });
  f.plugin('c', [query('c/who', (_input, context) => seen(context))]);
  f.plugin('b', [forward('b/deep', 'c/who')], { scopes: ['of-b'], reach: ['c/*'] });
  f.plugin(
    'a',
    [
      query('a/who', async (_input, context) => [
        seen(context),
        await context.env.invoke('c/who'),
        await context.env.invoke('b/deep'),
      ]),
    ],
    { scopes: ['of-a'], reach: ['b/*', 'c/*'] },
  );
  assert.deepEqual(await f.as(root).call('a/who'), [
    {
      identity: 'root',
      scopes: ['admin', 'user'],
      caller: 'root',
      internal: false,
      depth: 0,
      hasParent: false,
    },
    { identity: 'plugin:a', scopes: ['of-a'], caller: 'root', internal: true, depth: 1, hasParent: true },
    { identity: 'plugin:b', scopes: ['of-b'], caller: 'root', internal: true, depth: 2, hasParent: true },
  ]);
});

test('REG-12, REG-13 the composing parent’s authority decides at every depth, never the caller’s rights', async (t) => {
  const f = fixture(t);
  f.plugin('c', [query('c/x', () => 'done', { access: { scopes: ['user'] } })]);
  f.plugin('b', [attempt('b/x', 'c/x')], { reach: ['c/*'] });
  f.plugin('a', [forward('a/x', 'b/x'), attempt('a/direct', 'c/x')], { scopes: ['user'], reach: ['*'] });
  const missing = { code: 'FORBIDDEN', message: 'missing required scope: user' };
  // The caller and a have the scope, b has not: below b it is b that asks.
  assert.deepEqual(await f.as(root).call('b/x'), missing);
  assert.deepEqual(await f.as(root).call('a/x'), missing);
  // The caller lacks it, a has it.
  assert.equal(await f.as(identity('poor')).call('a/direct'), 'done');
});

test('REG-13 the parent’s rights are not the caller’s', async (t) => {
  const f = fixture(t);
  f.plugin(
    'a',
    [query('a/admin', () => 'done', { access: { scopes: ['admin'] } }), forward('a/x', 'a/admin')],
    {
      scopes: ['admin'],
      reach: ['a/*'],
    },
  );
  const poor = f.as(identity('poor'));
  assert.equal(await poor.call('a/x'), 'done');
  await assert.rejects(poor.call('a/admin'), refused('FORBIDDEN'));
});

test('REG-12 without authority only public passes', async (t) => {
  const f = fixture(t);
  f.plugin('c', [query('c/public', () => 'done'), query('c/any', () => 'done', { access: 'authenticated' })]);
  const a = f.plugin('a', [attempt('a/public', 'c/public'), attempt('a/any', 'c/any')]);
  a.privilege = { ...privilege('a', { reach: ['*'] }), authority: null };
  assert.equal(await f.as(root).call('a/public'), 'done');
  assert.deepEqual(await f.as(root).call('a/any'), { code: 'FORBIDDEN', message: 'authentication required' });
});

test('REG-14 a child cannot satisfy its rule by its own authority', async (t) => {
  const f = fixture(t);
  f.plugin('b', [query('b/x', () => 'done', { access: { scopes: ['of-b'] } })], {
    scopes: ['of-b'],
    reach: ['*'],
  });
  f.plugin('a', [attempt('a/x', 'b/x')], { scopes: ['of-a'], reach: ['*'] });
  assert.deepEqual(await f.as(root).call('a/x'), {
    code: 'FORBIDDEN',
    message: 'missing required scope: of-b',
  });
});

test('REG-15 metadata and forwardedFor are not inherited', async (t) => {
  const f = fixture(t);
  f.plugin(
    'a',
    [
      query('a/child', (_input, { metadata, forwardedFor }) => ({ size: metadata.size, forwardedFor })),
      query('a/x', async (_input, { metadata, forwardedFor, env }) => {
        metadata.set('k', 'v');
        return { forwardedFor: forwardedFor?.id, child: await env.invoke('a/child') };
      }),
    ],
    { reach: ['a/*'] },
  );
  assert.deepEqual(await f.as(root).call('a/x', {}, { forwardedFor: { id: 'far' } }), {
    forwardedFor: 'far',
    child: { size: 0, forwardedFor: null },
  });
});

test('REG-16 internal operations are reached by composition and NOT_FOUND from the wire', async (t) => {
  const f = fixture(t);
  f.plugin('a', [query('a/inner', () => 'inner', { visibility: 'internal' }), forward('a/x', 'a/inner')], {
    reach: ['a/*'],
  });
  assert.equal(await f.as(root).call('a/x'), 'inner');
  await assert.rejects(f.as(root).call('a/inner'), refused('NOT_FOUND', 'operation not found: a/inner'));
  await assert.rejects(f.as(root).call('/a/inner'), refused('NOT_FOUND', 'operation not found: a/inner'));
});

test('REG-17 no handler can set internal, identity or any other member of a context', async (t) => {
  const f = fixture(t);
  const tampered: string[] = [];
  f.plugin(
    'evil',
    [
      query('evil/tamper', async (_input, context) => {
        const open = context as unknown as Record<string, unknown>;
        const own = context.identity as unknown as { scopes: string[]; resources: Record<string, string[]> };
        const attempts: [string, () => unknown][] = [
          ['identity', () => Object.assign(open, { identity: root })],
          ['internal', () => Object.assign(open, { internal: true })],
          ['define', () => Object.defineProperty(context, 'identity', { value: root })],
          ['add', () => Object.assign(open, { more: 1 })],
          ['scopes', () => own.scopes.push('admin')],
          ['resources', () => Object.assign(own.resources, { box: ['manage'] })],
          ['caller', () => Object.assign(context.caller ?? {}, { id: 'root' })],
          ['forwardedFor', () => Object.assign(context.forwardedFor ?? {}, { id: 'root' })],
          ['env', () => Object.assign(context.env, { invoke: () => 'mine' })],
          ['resources of the host', () => Object.assign(context.resources, { owns: async () => true })],
          [
            'context of all',
            () => Object.defineProperty(Object.getPrototypeOf(context), 'identity', { value: root }),
          ],
          ['env of all', () => Object.assign(Object.getPrototypeOf(context.env), { invoke: () => 'mine' })],
          [
            'capabilities of all',
            () => Object.assign(Object.getPrototypeOf(context.capabilities), { get: () => '' }),
          ],
        ];
        for (const [what, attempted] of attempts) {
          try {
            attempted();
            tampered.push(what);
          } catch (error) {
            assert.ok(error instanceof TypeError, `${what}: ${String(error)}`);
          }
        }
        return context.env.invoke('evil/inner').then(
          () => 'allowed',
          ({ code }: { code: string }) => code,
        );
      }),
      query('evil/inner', () => 'inner', { access: { scopes: ['admin'] } }),
      query('evil/compose', (_input, { env }) => env.invoke('evil/tamper')),
    ],
    { scopes: ['plain'], reach: ['evil/*'] },
  );
  const poor = f.as(identity('poor', { scopes: ['poor'], resources: { box: [] } }));
  const forwarded = { forwardedFor: { id: 'far' } };
  assert.equal(await poor.call('evil/tamper', {}, forwarded), 'FORBIDDEN');
  assert.deepEqual(tampered, []);
  // Composed, its identity is the authority of its own plugin, which it may not widen either. There is no
  // forwardedFor then, so that Object.assign meets a fresh object.
  assert.equal(await poor.call('evil/compose'), 'FORBIDDEN');
  assert.deepEqual(tampered, ['forwardedFor']);
});

test('REG-18 leaves have neither authority nor reach and cannot compose', async (t) => {
  const f = fixture(t);
  f.plugin('b', [query('b/x', () => 'x')]);
  const owner = f.owner('a', { scopes: ['admin'], reach: ['*'] });
  for (const kind of ['openapi', 'mcp', 'jsonschema', 'call'] as const) {
    const leaf = f.owner(`${kind}s`, { scopes: ['admin'], reach: ['*'] });
    publishLeaves(
      f,
      leaf,
      [
        query(`${kind}s/x`, async (_input, { env }) => {
          assert.equal(env.can('b/x'), false);
          assert.throws(() => env.with([query('b/x', () => 'mine')]), refused('FORBIDDEN'));
          return env.invoke('b/x').catch(({ code }: { code: string }) => code);
        }),
      ],
      kind,
    );
    assert.equal(await f.as(root).call(`${kind}s/x`), 'NOT_FOUND');
  }
  f.registry.publish(owner, [attempt('a/x', 'b/x')]);
  assert.equal(await f.as(root).call('a/x'), 'x');
});

test('REG-19 a composed leaf uses its own credential; a child never sees its parent’s', async (t) => {
  const f = fixture(t);
  const names = query('b/secrets', (_input, { capabilities }) => [
    capabilities.names(),
    capabilities.get('key'),
  ]);
  publishLeaves(f, f.owner('b', { secrets: { key: 'of-b' } }), [names]);
  f.plugin('c', [{ ...names, name: 'c/secrets' }]);
  f.plugin(
    'a',
    [
      query('a/x', async (_input, { env, capabilities }) => [
        capabilities.get('key'),
        await env.invoke('b/secrets'),
        await env.invoke('c/secrets'),
        capabilities.get('key'),
      ]),
    ],
    { reach: ['*'], secrets: { key: 'of-a', other: 'also-of-a' } },
  );
  assert.deepEqual(await f.as(root).call('a/x'), ['of-a', [['key'], 'of-b'], [[], undefined], 'of-a']);
});

test('REG-19 a child that disposes of its capabilities disturbs no other call', async (t) => {
  const f = fixture(t);
  f.plugin(
    'a',
    [
      query('a/dispose', (_input, { capabilities }) => capabilities.dispose()),
      query('a/x', async (_input, { env, capabilities }) => {
        await env.invoke('a/dispose');
        return capabilities.get('key');
      }),
    ],
    { reach: ['*'], secrets: { key: 'of-a' } },
  );
  assert.equal(await f.as(root).call('a/x'), 'of-a');
  assert.equal(await f.as(root).call('a/x'), 'of-a');
});

test('REG-20 capabilities cannot be serialised; inspection shows names only', async (t) => {
  const f = fixture(t);
  f.plugin(
    'a',
    [
      query('a/x', (_input, { capabilities }) => {
        assert.throws(() => JSON.stringify({ capabilities }), /cannot be serialised/);
        assert.throws(() => structuredClone(capabilities).get('key'));
        assert.ok(!JSON.stringify(Object.entries(structuredClone(capabilities))).includes('hunter2'));
        return inspect({ capabilities }, { depth: 9, showHidden: true });
      }),
      query('a/leak', (_input, { capabilities }) => capabilities),
    ],
    { secrets: { key: 'hunter2' } },
  );
  const shown = String(await f.as(root).call('a/x'));
  assert.match(shown, /key/);
  assert.ok(!shown.includes('hunter2'));
  const leaked = await f.as(root).call('a/leak');
  assert.throws(() => JSON.stringify(leaked), /cannot be serialised/);
});

test('REG-21 two concurrent invocations of one operation have different child ids', async (t) => {
  const f = fixture(t);
  f.plugin(
    'a',
    [
      query('a/id', (_input, { requestId, parentId }) => [requestId, parentId]),
      query('a/x', async (_input, { env, requestId }) => [
        requestId,
        ...(await Promise.all([env.invoke('a/id'), env.invoke('a/id')])),
      ]),
    ],
    { reach: ['a/*'] },
  );
  const [own, first, second] = (await f.as(root).call('a/x', {}, { requestId: 'wire-1' })) as [
    string,
    string[],
    string[],
  ];
  assert.equal(own, 'wire-1');
  assert.deepEqual([first[1], second[1]], ['wire-1', 'wire-1']);
  assert.equal(new Set(['wire-1', first[0], second[0]]).size, 3);
  assert.match(String(first[0]), /^[0-9a-f]{8}-[0-9a-f]{4}-4/);
});

test('REG-22 depth 32 runs, depth 33 is refused', async (t) => {
  const f = fixture(t);
  f.plugin(
    'a',
    [
      query('a/down', async (to: number, { env, depth }) => {
        if (depth === to) return depth;
        return env.invoke('a/down', to).catch(({ code, message }) => {
          // The words reach the parent; what it passes on is another matter.
          return depth === 32 ? { code, message } : Promise.reject(new Error(String(code)));
        });
      }),
    ],
    { reach: ['a/*'] },
  );
  assert.equal(await f.as(root).call('a/down', 32), 32);
  assert.deepEqual(await f.as(root).call('a/down', 33), {
    code: 'INTERNAL',
    message: 'composition too deep',
  });
});

test('REG-25 invoke of a subscription, and subscribe of a query, are INVALID_OPERATION_TYPE', async (t) => {
  const f = fixture(t);
  let ran = 0;
  f.plugin(
    'a',
    [
      query('a/q', () => ++ran),
      subscription('a/s', async function* () {
        yield ++ran;
      }),
      query('a/x', async (_input, { env }) => {
        const codes: string[] = [];
        const note = ({ code }: { code: string }) => void codes.push(code);
        await env.invoke('a/s').catch(note);
        await (async () => {
          for await (const _ of env.subscribe('a/q')) ran++;
        })().catch(note);
        return codes;
      }),
    ],
    { reach: ['a/*'] },
  );
  assert.deepEqual(await f.as(root).call('a/x'), ['INVALID_OPERATION_TYPE', 'INVALID_OPERATION_TYPE']);
  assert.equal(ran, 0);
});

test('REG-26 a grant narrowed during a call refuses that call’s next step', async (t) => {
  const f = fixture(t);
  f.plugin('b', [query('b/x', () => 'x'), query('b/y', () => 'y', { access: { scopes: ['s'] } })]);
  const a = f.plugin(
    'a',
    [
      query('a/x', async (_input, { env }) => {
        const codes: unknown[] = [];
        const step = async (name: string) =>
          codes.push(await env.invoke(name).catch(({ code }: { code: string }) => code));
        await step('b/x');
        await step('b/y');
        a.privilege = privilege('a', { reach: ['b/*'] });
        await step('b/y');
        a.privilege = privilege('a', { reach: ['b/y'], scopes: ['s'] });
        await step('b/x');
        await step('b/y');
        return codes;
      }),
    ],
    { reach: ['b/*'], scopes: ['s'] },
  );
  assert.deepEqual(await f.as(root).call('a/x'), ['x', 'y', 'FORBIDDEN', 'NOT_FOUND', 'y']);
});

test('input and output of a composed call travel by value', async (t) => {
  const f = fixture(t);
  const kept: { list: number[] }[] = [];
  f.plugin(
    'a',
    [
      query('a/keep', (input: { list: number[] }) => {
        input.list.push(2);
        kept.push(input);
        return input;
      }),
      query('a/x', async (_input, { env }) => {
        const given = { list: [1] };
        const got = (await env.invoke('a/keep', given)) as { list: number[] };
        got.list.push(3);
        return given.list;
      }),
    ],
    { reach: ['a/*'] },
  );
  assert.deepEqual(await f.as(root).call('a/x'), [1]);
  assert.deepEqual(kept, [{ list: [1, 2] }]);
});

test('CALL-23 an error of a composed call names no inner operation outside', async (t) => {
  const f = fixture(t);
  f.plugin(
    'a',
    [
      query('a/inner', () => null, { access: { scopes: ['secret-scope'] } }),
      forward('a/forbidden', 'a/inner'),
      forward('a/unknown', 'a/no-such'),
    ],
    { reach: ['a/*'] },
  );
  for (const [name, code] of [
    ['a/forbidden', 'FORBIDDEN'],
    ['a/unknown', 'NOT_FOUND'],
  ] as const) {
    await assert.rejects(
      f.as(root).call(name),
      (error: { code: string; message: string; details: unknown }) => {
        assert.equal(error.code, 'INTERNAL');
        assert.equal(error.message, 'internal error');
        assert.equal((error.details as { code: string }).code, code);
        assert.match((error.details as { ref: string }).ref, /^[\w-]{12}$/);
        return true;
      },
    );
  }
});

test('a plugin outside any call composes by its own authority, without a caller', async (t) => {
  const f = fixture(t);
  const seen: unknown[] = [];
  f.plugin('b', [
    query(
      'b/x',
      (_input, { identity: who, caller, depth, internal }) => {
        seen.push((who as Identity).id, caller, depth, internal);
      },
      { access: { scopes: ['s'] } },
    ),
  ]);
  const a = f.plugin('a', [], { scopes: ['s'], reach: ['b/*'] });
  const stop = new AbortController();
  const caller = f.registry.callerFor(a, stop.signal);
  await caller.invoke('b/x');
  assert.deepEqual(seen, ['plugin:a', null, 1, true]);
  a.privilege = privilege('a', { reach: ['b/*'] });
  await assert.rejects(caller.invoke('b/x'), refused('FORBIDDEN'));
  stop.abort();
  await assert.rejects(caller.invoke('b/x'), refused('ABORTED'));
});

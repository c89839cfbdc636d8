import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Access, CallError } from '@alknet/sdk';
import fc from 'fast-check';
import { fixture, identity, query } from './fixture.ts';

const words = ['red', 'green', 'blue'] as const;
const kinds = ['repo', 'wiki'] as const;
const plugins = ['ape', 'bee', 'cat'] as const;

interface Rights {
  readonly scopes: readonly string[];
  readonly resources: Readonly<Record<string, readonly string[]>>;
}

interface Rule {
  readonly access: Access;
  readonly internal: boolean;
}

interface World {
  /** Operation name → rule. */
  readonly rules: Readonly<Record<string, Rule>>;
  readonly grants: Readonly<Record<string, Rights & { readonly reach: readonly string[] }>>;
  readonly caller: Rights | null;
  /** Ids that the caller owns. */
  readonly owned: readonly string[];
}

/** What to call, with which resource, and what its handler calls then. */
interface Step {
  readonly name: string;
  readonly id: string;
  readonly children: readonly Step[];
}

interface Outcome {
  readonly name: string;
  readonly code: string;
  readonly children: readonly Outcome[];
}

const names = plugins.flatMap((plugin) => [`${plugin}/one`, `${plugin}/two`]);
const name = fc.constantFrom(...names);
const word = fc.constantFrom(...words);
const id = fc.constantFrom('x', 'y');
const rights = fc.record({
  scopes: fc.uniqueArray(word),
  resources: fc.dictionary(fc.constantFrom(...kinds), fc.uniqueArray(word), { noNullPrototype: true }),
});
const kind = fc.constantFrom(...kinds);
const resource = fc.oneof(
  fc.record({ type: kind, action: word }),
  fc.record({ type: kind }),
  fc.record({ action: word }),
  fc.record({ type: kind, path: fc.constant('/id') }),
  fc.record({ type: kind, list: fc.constant(true) }),
);
const access: fc.Arbitrary<Access> = fc.oneof(
  fc.constant<Access>('public'),
  fc.constant<Access>('authenticated'),
  fc.record({ scopes: fc.uniqueArray(word, { minLength: 1, maxLength: 2 }) }),
  fc.record({ anyScopes: fc.uniqueArray(word, { maxLength: 2 }) }),
  fc.record({ resource }),
  fc.record({ scopes: fc.uniqueArray(word, { minLength: 1, maxLength: 1 }), resource }),
);
const record = <Value>(keys: readonly string[], value: fc.Arbitrary<Value>) =>
  fc.record(Object.fromEntries(keys.map((key) => [key, value])));
const reach = fc.uniqueArray(fc.constantFrom(...names, ...plugins.map((plugin) => `${plugin}/*`), '*'), {
  maxLength: 4,
});
const world: fc.Arbitrary<World> = fc.record({
  rules: record(names, fc.record({ access, internal: fc.nat(3).map((n) => n === 0) })) as fc.Arbitrary<
    World['rules']
  >,
  grants: record(
    plugins,
    fc.tuple(rights, reach).map(([has, reaches]) => ({ ...has, reach: reaches })),
  ) as fc.Arbitrary<World['grants']>,
  caller: fc.option(rights, { freq: 6 }),
  owned: fc.subarray(['repo x', 'repo y', 'wiki x', 'wiki y']),
});
const step = (depth: number): fc.Arbitrary<Step> =>
  fc.record({
    name,
    id,
    children: depth === 0 ? fc.constant([]) : fc.array(step(depth - 1), { maxLength: 3 }),
  });

/** The rules of `docs/spec/registry.md` 5 in other words than the code's. */
function allows(rule: Access, who: Rights | null, owns: (owned: string) => boolean, at: string): boolean {
  if (rule === 'public') return true;
  if (who === null) return false;
  if (rule === 'authenticated') return true;
  const { scopes = [], anyScopes, resource: of } = rule;
  if (new Set([...scopes, ...who.scopes]).size > new Set(who.scopes).size) return false;
  if (anyScopes !== undefined && anyScopes.filter((scope) => who.scopes.includes(scope)).length === 0)
    return false;
  if (of === undefined || of.list === true) return true;
  const listed = Object.entries(who.resources).filter(([type]) => of.type === undefined || type === of.type);
  const granted = listed.some(([, actions]) => {
    if (of.action === undefined) return actions.length > 0;
    return actions.includes(of.action) || (of.type !== undefined && actions.includes('manage'));
  });
  return granted || (of.path !== undefined && owns(`${of.type} ${at}`));
}

function reaches(patterns: readonly string[], target: string): boolean {
  return patterns.some((pattern) =>
    pattern.endsWith('*') ? target.startsWith(pattern.slice(0, -1)) : pattern === target,
  );
}

/** What should come of a step, `by` being the plugin that composes it, or none from the wire. */
function expected(
  { rules, grants, caller, owned }: World,
  { name: target, id: at, children }: Step,
  by?: string,
) {
  const composing = by === undefined ? undefined : grants[by];
  const rule = rules[target] as Rule;
  const found = composing === undefined ? !rule.internal : reaches(composing.reach, target);
  const owns = (what: string) => composing === undefined && owned.includes(what);
  const allowed = allows(rule.access, composing ?? caller, owns, at);
  const code = !found ? 'NOT_FOUND' : allowed ? 'ok' : 'FORBIDDEN';
  const own = target.split('/')[0] as string;
  const outcome: Outcome = {
    name: target,
    code,
    children:
      code === 'ok' ? children.map((child) => expected({ rules, grants, caller, owned }, child, own)) : [],
  };
  return outcome;
}

test('REG-23 over random call trees no path runs an operation that the rules forbid, and none is refused that they allow', async (t) => {
  await fc.assert(
    fc.asyncProperty(world, step(3), async (given, root) => {
      const made = fixture(t);
      const take = async (child: Step, call: () => Promise<unknown>): Promise<Outcome> => {
        try {
          return { name: child.name, code: 'ok', children: (await call()) as Outcome[] };
        } catch (error) {
          return { name: child.name, code: (error as CallError).code, children: [] };
        }
      };
      for (const plugin of plugins) {
        const { scopes, resources, reach: patterns } = given.grants[plugin] as World['grants'][string];
        made.plugin(
          plugin,
          names
            .filter((own) => own.startsWith(plugin))
            .map((own) => {
              const { access: rule, internal } = given.rules[own] as Rule;
              return query(
                own,
                ({ children }: Step, { env }) =>
                  Promise.all(children.map((child) => take(child, () => env.invoke(child.name, child)))),
                { access: rule, ...(internal ? { visibility: 'internal' } : {}) },
              );
            }),
          { scopes: [...scopes], resources: resources as Record<string, string[]>, reach: [...patterns] },
        );
      }
      for (const owned of given.owned) {
        const [type = '', resourceId = ''] = owned.split(' ');
        await made.registry.ownership.record(type, resourceId, 'ann');
      }
      const { caller } = given;
      const ann =
        caller &&
        identity('ann', {
          scopes: [...caller.scopes],
          resources: caller.resources as Record<string, string[]>,
        });
      assert.deepEqual(await take(root, () => made.as(ann).call(root.name, root)), expected(given, root));
    }),
    { numRuns: 400, seed: 23 },
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ById } from '../src/call/by-id.ts';
import { type Placed, Roster } from '../src/roster.ts';

class Member implements Placed {
  place = -1;
  readonly id: string;

  constructor(id: string) {
    this.id = id;
  }
}

const steps = fc.array(fc.record({ add: fc.boolean(), which: fc.nat(50), id: fc.string({ maxLength: 4 }) }), {
  maxLength: 2000,
});

test('a roster holds what a Set would, whatever comes and goes', () => {
  fc.assert(
    fc.property(steps, (script) => {
      const roster = new Roster<Member>();
      const model = new Set<Member>();
      for (const { add, which, id } of script) {
        if (add) {
          const member = new Member(id);
          roster.add(member);
          model.add(member);
        } else {
          const member = [...model][which] ?? new Member(id);
          assert.equal(roster.delete(member), model.delete(member));
          assert.equal(roster.has(member), false);
        }
        assert.equal(roster.size, model.size);
      }
      assert.deepEqual(new Set(roster), model);
    }),
  );
});

test('a roster can lose members while it is walked', () => {
  const roster = new Roster<Member>();
  for (let i = 0; i < 5; i++) roster.add(new Member(String(i)));
  for (const member of roster) assert.equal(roster.delete(member), true);
  assert.equal(roster.size, 0);
});

test('requests are found by their id as in a Map, in few buckets and in many', () => {
  fc.assert(
    fc.property(steps, fc.constantFrom(0, 3000), (script, crowd) => {
      const byId = new ById<Member>();
      const model = new Map<string, Member>();
      for (let i = 0; i < crowd; i++) {
        const member = new Member(`crowd-${i}`);
        byId.add(member);
        model.set(member.id, member);
      }
      for (const { add, which, id } of script) {
        const known = model.get(id);
        assert.equal(byId.get(id), known);
        if (add && known === undefined) {
          const member = new Member(id);
          byId.add(member);
          model.set(id, member);
        } else if (!add) {
          const member = [...model.values()][which];
          if (member === undefined) continue;
          byId.delete(member);
          model.delete(member.id);
        }
        // Another by the same id is left alone.
        byId.delete(new Member(id));
        assert.equal(byId.size, model.size);
      }
      assert.deepEqual(new Set(byId.values()), new Set(model.values()));
    }),
    { numRuns: 30 },
  );
});

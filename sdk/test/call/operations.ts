/** Operations that the tests call. */

import { CallError, defineOperation, Type } from '../../src/index.ts';

export const echo = defineOperation({
  name: 'test/echo',
  type: 'query',
  access: 'public',
  input: Type.Any(),
  output: Type.Any(),
  handler: (input) => input,
});

export const add = defineOperation({
  name: 'test/add',
  type: 'query',
  access: 'public',
  input: Type.Object(
    { a: Type.Integer(), b: Type.Integer({ maximum: 10 }) },
    { additionalProperties: false },
  ),
  output: Type.Integer(),
  handler: ({ a, b }) => a + b,
});

export const count = defineOperation({
  name: 'test/count',
  type: 'subscription',
  access: 'public',
  input: Type.Object({ to: Type.Integer(), fail: Type.Optional(Type.Boolean()) }),
  output: Type.Integer(),
  errors: [{ code: 'OUT_OF_NUMBERS', schema: Type.Object({ at: Type.Integer() }) }],
  async *handler({ to, fail }) {
    for (let n = 1; n <= to; n++) yield n;
    if (fail) throw new CallError('OUT_OF_NUMBERS', 'no more', { retryable: true, details: { at: to } });
  },
});

/** Ends only with its signal. */
export const wait = defineOperation({
  name: 'test/wait',
  type: 'query',
  access: 'public',
  input: Type.Any(),
  output: Type.Any(),
  handler: (_input, { signal }) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true })),
});

export const all = [echo, add, count, wait];

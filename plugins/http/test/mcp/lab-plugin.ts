/** Operations of every kind. Text of a plugin, for a node to load. */

export const labPlugin = `
import { CallError, defineOperation, definePlugin, Type } from '@alknet/sdk';

let aborted = 0;
let running = 0;
const none = Type.Object({});
const base = { access: 'public', input: none, output: Type.Any() };

export default definePlugin({
  name: 'lab',
  version: '1.0.0',
  operations: [
    defineOperation({
      ...base, name: 'lab/add', type: 'query', title: 'Add', description: 'Adds two numbers. Both are integers.',
      input: Type.Object({ a: Type.Integer(), b: Type.Integer() }, { additionalProperties: false }),
      output: Type.Object({ sum: Type.Integer() }),
      handler: ({ a, b }) => ({ sum: a + b }),
    }),
    defineOperation({ ...base, name: 'lab/shout', type: 'mutation', input: Type.String(), output: Type.String(),
      destructive: true, idempotent: false, handler: (text) => text.toUpperCase() }),
    defineOperation({ ...base, name: 'lab/secret', type: 'query', access: { scopes: ['lab:secret'] }, handler: () => 42 }),
    defineOperation({ ...base, name: 'lab/inner', type: 'query', visibility: 'internal', handler: () => 1 }),
    defineOperation({ ...base, name: 'lab/who', type: 'query', handler: (_input, { identity, requestId }) =>
      ({ id: identity?.id ?? null, requestId }) }),
    defineOperation({ ...base, name: 'lab/fails', type: 'mutation', errors: [{ code: 'LAB_BURNS', httpStatus: 409 }],
      handler: () => { throw new CallError('LAB_BURNS', 'the lab burns', { details: { floor: 2 } }); } }),
    defineOperation({ ...base, name: 'lab/breaks', type: 'query', handler: () => { throw new Error('hunter2'); } }),
    defineOperation({ ...base, name: 'lab/slow', type: 'query', timeoutMs: 50,
      handler: (_input, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))) }),
    defineOperation({ ...base, name: 'lab/wait', type: 'query',
      handler: (_input, { signal }) => new Promise((_, reject) => {
        running++;
        signal.addEventListener('abort', () => { aborted++; reject(signal.reason); });
      }) }),
    defineOperation({ ...base, name: 'lab/state', type: 'query', handler: () => ({ aborted, running }) }),
    defineOperation({ ...base, name: 'lab/count', type: 'subscription', description: 'Counts.',
      input: Type.Object({ to: Type.Integer() }), output: Type.Integer(),
      async *handler({ to }) { for (let n = 1; n <= to; n++) yield n; } }),
    defineOperation({ ...base, name: 'lab/forever', type: 'subscription', output: Type.Integer(),
      async *handler(_input, { signal }) {
        running++;
        yield 1;
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        aborted++;
      } }),
  ],
});
`;

/** A plugin with so many operations. */
export function manyOperations(name: string, count: number): string {
  return `
import { defineOperation, definePlugin, Type } from '@alknet/sdk';
export default definePlugin({
  name: '${name}',
  version: '1.0.0',
  operations: Array.from({ length: ${count} }, (_, n) => defineOperation({
    name: '${name}/n' + n, type: 'query', access: 'public', input: Type.Object({}), output: Type.Integer(), handler: () => n,
  })),
});
`;
}

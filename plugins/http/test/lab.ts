/** Operations of the node under test, as source: the node loads it as it loads a third party's plugin. */
export const lab = `
import { CallError, definePlugin, defineOperation, Type } from '@alknet/sdk';
let ran = 0;
let aborted = 0;
let cleaned = 0;
let produced = 0;
const any = { input: Type.Any(), output: Type.Any(), handler: (input) => input };
const query = (name, rest) => defineOperation({ name: 'lab/' + name, type: 'query', access: 'public', ...any, ...rest });
const mutation = (name, rest) => defineOperation({ name: 'lab/' + name, type: 'mutation', access: 'public', ...any, ...rest });
const stream = (name, rest) => defineOperation({ name: 'lab/' + name, type: 'subscription', access: 'public', ...any, ...rest });
const waits = (_input, { signal }) => new Promise((_, reject) => {
  ran++;
  if (signal.aborted) { aborted++; return reject(signal.reason); }
  signal.addEventListener('abort', () => { aborted++; reject(signal.reason); }, { once: true });
});
const details = (input) => input?.details === undefined ? {} : { details: input.details };
const declared = ['DECLARED_TEAPOT', 'DECLARED_PLAIN', 'HTTP_404', 'HTTP_429', 'HTTP_503', 'HTTP_504', 'HTTP_200', 'HTTP_NOTANUMBER', 'HTTP_409']
  .map((code) => ({ code, ...(code === 'DECLARED_TEAPOT' ? { httpStatus: 418 } : code === 'HTTP_409' ? { httpStatus: 410 } : {}) }));
export default definePlugin({
  name: 'lab',
  version: '1.0.0',
  requests: { operations: ['lab/*'] },
  operations: [
    query('echo', { description: 'Gives back what it is given. More text.' }),
    query('hello', { description: 'Greets in words.', input: Type.Object({ name: Type.String() }), output: Type.String(),
      handler: ({ name }) => 'hello, ' + name }),
    query('typed', { input: Type.Object({
        a: Type.Optional(Type.Integer()), b: Type.Optional(Type.String()), c: Type.Optional(Type.Boolean()),
        n: Type.Optional(Type.Union([Type.Null(), Type.Number()])), list: Type.Optional(Type.Array(Type.Integer())),
        words: Type.Optional(Type.Array(Type.String())), o: Type.Optional(Type.Object({ x: Type.Number() })),
      }, { additionalProperties: false }) }),
    query('big', { input: Type.Object({ n: Type.Integer() }), handler: ({ n }) => 'x'.repeat(n) }),
    query('scalar', { input: Type.Integer() }),
    query('void', { handler: () => undefined }),
    query('state', { handler: () => ({ ran, aborted, cleaned, produced }) }),
    query('who', { handler: (_input, { identity }) => ({ id: identity?.id ?? null }) }),
    query('known', { access: 'authenticated', input: Type.Object({ n: Type.Integer() }) }),
    query('admin', { access: { scopes: ['lab:admin'] }, input: Type.Object({ n: Type.Integer() }, { additionalProperties: false }) }),
    query('hidden', { visibility: 'internal' }),
    query('deep/er', {}),
    query('wait', { handler: waits }),
    query('parent', { handler: (input, { env }) => env.invoke('lab/wait', input) }),
    query('brief', { timeoutMs: 300, handler: waits }),
    query('throws', { handler: () => { throw new Error('hunter2 in /etc/secret'); } }),
    query('fails', { errors: declared, handler: (input) => {
        throw new CallError(input?.code ?? 'DECLARED_PLAIN', 'as asked', { retryable: input?.retryable, ...details(input) }); } }),
    query('proto', { handler: (input) => ({ own: Object.hasOwn(input, '__proto__'), polluted: {}.polluted ?? null }) }),
    mutation('write', { handler: (input) => { ran++; return input; } }),
    stream('count', { input: Type.Object({ n: Type.Integer(), each: Type.Optional(Type.Integer()) }),
      async *handler({ n, each = 0 }, { signal }) {
        try {
          for (let i = 0; i < n && !signal.aborted; i++) {
            produced++;
            yield each === 0 ? i : 'x'.repeat(each);
            await new Promise((next) => setImmediate(next));
          }
        } finally { cleaned++; }
      } }),
    stream('breaks', { errors: declared, async *handler({ after = 2 } = {}) {
        for (let i = 0; i < after; i++) yield i;
        throw new CallError('DECLARED_TEAPOT', 'no more');
      } }),
    stream('silent', { async *handler(_input, { signal }) {
        try { await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true })); } finally { cleaned++; }
      } }),
    stream('composed', { async *handler(_input, { env }) { yield* env.subscribe('lab/silent', {}); } }),
    stream('secret', { access: { scopes: ['lab:admin'] }, async *handler() { yield 1; } }),
  ],
});
`;

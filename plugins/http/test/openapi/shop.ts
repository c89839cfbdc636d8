/** A plugin with one operation of each shape that a document has to tell, as source. */
export const shop = `
import { Bytes, CallError, definePlugin, defineOperation, Int64, Type } from '@alknet/sdk';
const Node = { $id: 'node', type: 'object', properties: { name: { type: 'string' }, children: { type: 'array', items: { $ref: '#/$defs/node' } } } };
export default definePlugin({
  name: 'shop',
  version: '1.0.0',
  operations: [
    defineOperation({ name: 'shop/list', type: 'query', access: 'public', title: 'List items', openWorld: false,
      description: 'Lists items.\\nWith a second line.',
      input: Type.Object({
        words: Type.Array(Type.String()), limit: Type.Optional(Type.Integer({ minimum: 1, description: 'at most' })),
        sold: Type.Optional(Type.Boolean()), price: Type.Optional(Type.Number()),
        kind: Type.Optional(Type.Union([Type.Literal('a'), Type.Literal('b')])),
      }, { additionalProperties: false, description: 'What to list.' }),
      output: Type.Object({ asked: Type.Any() }),
      handler: (input) => ({ asked: input }) }),
    defineOperation({ name: 'shop/now', type: 'query', access: 'public', input: Type.Object({}), output: Type.String(), handler: () => 'now' }),
    defineOperation({ name: 'shop/find', type: 'query', access: 'public',
      input: Type.Object({ where: Type.Object({ id: Type.Integer() }) }), output: Type.Any(), handler: (input) => input }),
    defineOperation({ name: 'shop/scalar', type: 'query', access: 'public', input: Type.Integer(), output: Type.Integer(), handler: (n) => n + 1 }),
    defineOperation({ name: 'shop/buy', type: 'mutation', access: { scopes: ['shop:buy'] }, destructive: true, idempotent: false,
      input: Type.Object({ id: Type.Integer() }, { additionalProperties: false }), output: Type.Object({ bought: Type.Integer() }),
      errors: [
        { code: 'SOLD_OUT', description: 'None is left.', httpStatus: 409, schema: Type.Object({ until: Type.String() }) },
        { code: 'HTTP_404', description: 'No such item.' },
        { code: 'SHOP_CLOSED', description: 'Come back later.' },
      ],
      handler: ({ id }) => {
        if (id === 9) throw new CallError('SOLD_OUT', 'none left', { details: { until: 'monday' } });
        if (id === 4) throw new CallError('HTTP_404', 'no such item');
        return { bought: id };
      } }),
    defineOperation({ name: 'shop/tree', type: 'mutation', access: 'public',
      input: { ...Node, $defs: { node: Node } }, output: Type.Any(), handler: (input) => input }),
    defineOperation({ name: 'shop/pair', type: 'mutation', access: 'public',
      input: Type.Object({ pair: Type.Tuple([Type.String(), Type.Integer()]) }), output: Type.Any(), handler: ({ pair }) => pair }),
    defineOperation({ name: 'shop/photo', type: 'mutation', access: 'public',
      input: Type.Object({ data: Bytes(), size: Type.Optional(Int64()) }), output: Bytes(), handler: ({ data }) => data }),
    defineOperation({ name: 'shop/watch', type: 'subscription', access: 'public',
      input: Type.Object({ n: Type.Integer() }), output: Type.Object({ i: Type.Integer() }),
      async *handler({ n }) { for (let i = 0; i < n; i++) yield { i }; } }),
    defineOperation({ name: 'shop/follow', type: 'subscription', access: 'authenticated',
      input: Type.Object({ filter: Type.Object({ n: Type.Integer() }) }), output: Type.Integer(),
      async *handler({ filter }) { for (let i = 0; i < filter.n; i++) yield i; } }),
    defineOperation({ name: 'shop/inner', type: 'query', visibility: 'internal', access: 'public', input: Type.Any(), output: Type.Any(), handler: () => 1 }),
  ],
});
`;

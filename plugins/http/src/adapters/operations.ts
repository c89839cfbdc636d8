/**
 * `http/adapters/list` and `http/adapters/refresh`. `docs/spec/http.md` 24.
 *
 * @module
 */

import { defineOperation, Type } from '@alknet/sdk';
import { adaptersOf } from './life/running.ts';

const admins = { scopes: ['admin'] } as const;

export const listAdapters = defineOperation({
  name: 'http/adapters/list',
  type: 'query',
  access: admins,
  title: 'List adapters',
  description: 'Lists the adapters of the configuration, with what each has imported and why it could not.',
  input: Type.Object({}),
  output: Type.Object({
    adapters: Type.Array(
      Type.Object({
        namespace: Type.String(),
        kind: Type.Union([Type.Literal('openapi'), Type.Literal('jsonschema'), Type.Literal('mcp')]),
        state: Type.Union([Type.Literal('ready'), Type.Literal('importing'), Type.Literal('failed')]),
        operations: Type.Integer({ description: 'that can be called now' }),
        importedAt: Type.Optional(Type.String({ description: 'time of the set in use, ISO 8601' })),
        error: Type.Optional(Type.String({ description: 'why the last import failed' })),
      }),
    ),
  }),
  handler: async (_input, context) => ({ adapters: (await adaptersOf(context)).list() }),
});

export const refreshAdapter = defineOperation({
  name: 'http/adapters/refresh',
  type: 'mutation',
  access: admins,
  title: 'Refresh an adapter',
  description: 'Imports an adapter again now. When that fails the operations stay as they were.',
  idempotent: true,
  openWorld: true,
  input: Type.Object({ namespace: Type.String() }, { additionalProperties: false }),
  output: Type.Object({ operations: Type.Integer() }),
  errors: [
    { code: 'ADAPTER_NOT_FOUND', description: 'No adapter has that namespace.', httpStatus: 404 },
    {
      code: 'ADAPTER_FAILED',
      description: 'What it imports could not be read.',
      schema: Type.Object({ code: Type.String() }),
      httpStatus: 502,
    },
  ],
  handler: async ({ namespace }, context) => ({
    operations: await (await adaptersOf(context)).refresh(namespace),
  }),
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AdapterError } from '@alknet/sdk';
import { readDocument } from '../../src/adapters/document/read.ts';
import { fromOpenAPI } from '../../src/adapters/from-openapi.ts';
import { document, imported, ok, propertiesOf, specOf } from './harness.ts';

async function refused(source: unknown, code: string, message: RegExp): Promise<void> {
  await assert.rejects(
    async () => fromOpenAPI({ namespace: 'api', source, baseUrl: 'http://127.0.0.1:9' }).import(),
    (error: unknown) => {
      assert.ok(error instanceof AdapterError, String(error));
      assert.equal(error.code, code);
      assert.match(error.message, message);
      assert.match(error.message, /^api: /);
      return true;
    },
  );
}

test('HTTP-90 a minimal document gives one Internal leaf named namespace/operationId without scopes', async () => {
  const source = document({ '/pets': { get: { operationId: 'listPets', ...ok } } });
  const [registration, ...rest] = await fromOpenAPI({
    namespace: 'api',
    source,
    baseUrl: 'http://127.0.0.1:9',
  }).import();
  assert.equal(rest.length, 0);
  assert.equal(registration?.operation.name, 'api/listPets');
  assert.equal(registration?.operation.visibility, 'internal');
  assert.equal(registration?.operation.access, 'public');
  assert.equal(registration?.operation.type, 'query');
  assert.deepEqual(registration?.operation.input, {
    type: 'object',
    properties: {},
    additionalProperties: false,
  });
  assert.deepEqual(registration?.capabilities, []);
});

test('HTTP-91 names without operationId come from method and literal segments, and clashes are told apart', async (t) => {
  const api = await imported(
    t,
    document({
      '/': { get: ok },
      '/pets': { get: ok, post: ok },
      '/pets/{id}': { get: ok },
      '/pets/{owner}/{id}': { get: ok },
      '/a b/{x}': { get: { ...ok, operationId: 'odd name/../ä' } },
      '/one': { get: { ...ok, operationId: 'same' } },
      '/three': { get: { ...ok, operationId: 'same_2' } },
      '/two': { get: { ...ok, operationId: 'same' } },
    }),
  );
  assert.deepEqual(
    [...api.names].sort(),
    [
      'api/get_pets',
      'api/get_pets_by_id',
      'api/get_pets_by_owner_id',
      'api/get_root',
      'api/odd_name/_/_',
      'api/post_pets',
      'api/same',
      'api/same_2',
      'api/same_3',
    ].sort(),
  );
});

test('HTTP-91 types follow the answer and the method, outputs the best answer and its best media type', async (t) => {
  const json = (schema: object) => ({ description: '', content: { 'application/json': { schema } } });
  const api = await imported(
    t,
    document({
      '/a': {
        get: { operationId: 'query', responses: { 200: json({ type: 'integer' }), 201: json({}) } },
        post: { operationId: 'mutation', responses: { 204: { description: '' } } },
        put: { operationId: 'created', responses: { 202: json({}), 201: json({ type: 'boolean' }) } },
        patch: { operationId: 'lowest', responses: { 206: json({}), 202: json({ type: 'array' }) } },
        delete: { operationId: 'range', responses: { '2XX': json({ type: 'null' }), default: json({}) } },
        head: { operationId: 'fallback', responses: { default: json({ type: 'object' }), 404: json({}) } },
        options: {
          operationId: 'plus',
          responses: { 200: { content: { 'application/hal+json': { schema: { type: 'string' } } } } },
        },
      },
      '/s': {
        get: {
          operationId: 'stream',
          responses: { 200: { content: { 'text/event-stream': { schema: { type: 'number' } } } } },
        },
        post: { operationId: 'text', responses: { 200: { content: { 'text/csv': {} } } } },
        put: { operationId: 'binary', responses: { 200: { content: { 'image/png': {} } } } },
      },
    }),
  );
  const shown = (name: string) => [specOf(api, name).type, specOf(api, name).output];
  assert.deepEqual(shown('query'), ['query', { type: 'integer' }]);
  assert.deepEqual(shown('mutation'), ['mutation', { type: 'null' }]);
  assert.deepEqual(shown('created'), ['mutation', { type: 'boolean' }]);
  assert.deepEqual(shown('lowest'), ['mutation', { type: 'array' }]);
  assert.deepEqual(shown('range'), ['mutation', { type: 'null' }]);
  assert.deepEqual(shown('fallback'), ['mutation', { type: 'object' }]);
  assert.deepEqual(shown('plus'), ['mutation', { type: 'string' }]);
  assert.deepEqual(shown('stream'), ['subscription', { type: 'number' }]);
  assert.deepEqual(shown('text'), ['mutation', { type: 'string' }]);
  assert.deepEqual(shown('binary'), ['mutation', { type: 'string', contentEncoding: 'base64' }]);
});

test('HTTP-91 errors, title, description, hints, scopes and what x-alknet skips', async (t) => {
  const api = await imported(
    t,
    document({
      '/a': {
        get: {
          operationId: 'a',
          summary: 'short',
          description: 'long',
          'x-alknet': { openWorld: true, idempotent: true },
          responses: {
            200: { description: '' },
            404: { description: 'gone', content: { 'application/json': { schema: { type: 'string' } } } },
            500: { description: '' },
            302: { description: '' },
            '4XX': { description: '' },
            default: { description: '' },
          },
        },
        post: { operationId: 'b', 'x-alknet': false, ...ok },
        put: { operationId: 'c', summary: 's'.repeat(300), deprecated: true, ...ok },
      },
    }),
    { scopes: ['pets:read'] },
  );
  assert.deepEqual(api.names, ['api/a', 'api/c']);
  const { title, description, errors, access, openWorld, idempotent } = specOf(api, 'a');
  assert.deepEqual(
    { title, description, access, openWorld, idempotent },
    {
      title: 'short',
      description: 'long',
      access: { scopes: ['pets:read'] },
      openWorld: true,
      idempotent: true,
    },
  );
  assert.deepEqual(errors, [
    {
      code: 'HTTP_404',
      description: 'gone',
      httpStatus: 404,
      schema: { type: 'object', properties: { body: { type: 'string' } } },
    },
    { code: 'HTTP_500', httpStatus: 500 },
  ]);
  assert.equal(specOf(api, 'c').title?.length, 100);
});

test('include and exclude choose by globs on names without the namespace', async (t) => {
  const paths = document({
    '/a': { get: { operationId: 'pets/list', ...ok }, post: { operationId: 'pets/add', ...ok } },
    '/b': { get: { operationId: 'pets/deep/one', ...ok }, put: { operationId: 'other', ...ok } },
  });
  const names = async (options: object) => (await imported(t, paths, options)).names;
  assert.deepEqual(await names({ include: ['pets/*'] }), ['api/pets/list', 'api/pets/add']);
  assert.deepEqual(await names({ include: ['pets/**'], exclude: ['*/add'] }), [
    'api/pets/list',
    'api/pets/deep/one',
  ]);
  assert.deepEqual(await names({ exclude: ['**'] }), []);
});

test('HTTP-92 JSON text with "yes" stays text; YAML-only documents parse; bare no in YAML stays text', async (t) => {
  const json = JSON.stringify(
    document({
      '/a': {
        get: {
          operationId: 'a',
          parameters: [{ name: 'q', in: 'query', schema: { enum: ['yes', 'no'] } }],
          ...ok,
        },
      },
    }),
  );
  assert.deepEqual(propertiesOf(await imported(t, `${json}\n`), 'a'), {
    q: { enum: ['yes', 'no'] },
  });
  const yaml = `
openapi: 3.0.3
info: { title: t, version: '1' }
paths:
  /a:
    get:
      operationId: a
      parameters:
        - { name: q, in: query, schema: { type: string, enum: [no, yes, on, off, null, true, 012] } }
      responses:
        '200': { description: ok }
`;
  assert.deepEqual(propertiesOf(await imported(t, yaml), 'a'), {
    q: { type: 'string', enum: ['no', 'yes', 'on', 'off', null, true, 12] },
  });
});

test('HTTP-93 text that is neither, a missing info or paths, and Swagger 2.0 are SchemaParse with the place named', async () => {
  await refused('{ "openapi": \n', 'SchemaParse', /neither JSON .* nor YAML/);
  await refused('a: [b\nc: ]d', 'SchemaParse', /YAML/);
  await refused('just text\n', 'SchemaParse', /expected an OpenAPI document/);
  await refused({ openapi: '3.1.0', paths: {} }, 'SchemaParse', /#\/info: expected an object, found nothing/);
  await refused({ openapi: '3.1.0', info: {} }, 'SchemaParse', /#\/paths/);
  await refused({ openapi: '3.1.0', info: {}, paths: [] }, 'SchemaParse', /#\/paths.*found \[\]/);
  await refused(
    { swagger: '2.0', info: {}, paths: {} },
    'SchemaParse',
    /#\/swagger: this is Swagger "2.0".*convert/,
  );
  await refused({ openapi: '4.0.0', info: {}, paths: {} }, 'SchemaParse', /#\/openapi/);
  await refused(
    { info: {}, paths: {} },
    'SchemaParse',
    /#\/openapi: expected 3.0, 3.1 or 3.2, found nothing/,
  );
  const paths = { '/a': { get: { parameters: [{ name: 'x', in: 'body' }] } } };
  await refused(document(paths), 'SchemaParse', /#\/paths\/~1a\/get\/parameters\/0\/in.*"body"/);
  await refused(document({ '/a': { get: { operationId: 'x'.repeat(200) } } }), 'SchemaParse', /operationId/);
  await refused(document({ '/a': 7 }), 'SchemaParse', /#\/paths\/~1a: expected a path item, found 7/);
});

test('HTTP-99 a cyclic schema imports, terminates, and validates a value three levels deep', async (t) => {
  const tree = {
    type: 'object',
    properties: {
      name: { type: 'string' },
      children: { type: 'array', items: { $ref: '#/components/schemas/Tree' } },
    },
    required: ['name'],
  };
  const self = { allOf: [{ $ref: '#/components/schemas/Self' }], type: 'object' };
  const api = await imported(
    t,
    document(
      {
        '/a': {
          post: {
            operationId: 'a',
            requestBody: {
              required: true,
              content: { 'application/json': { schema: { $ref: '#/components/schemas/Tree' } } },
            },
            ...ok,
          },
          put: {
            operationId: 'b',
            requestBody: {
              content: { 'application/json': { schema: { $ref: '#/components/schemas/Self' } } },
            },
            ...ok,
          },
        },
      },
      {
        components: {
          schemas: {
            Tree: tree,
            Self: self,
            Ping: { $ref: '#/components/schemas/Pong' },
            Pong: { $ref: '#/components/schemas/Ping' },
          },
        },
      },
    ),
  );
  const leaf = (name: unknown) => ({ body: { name: 'a', children: [{ name: 'b', children: [{ name }] }] } });
  await assert.rejects(api.call('a', leaf(7)), {
    code: 'INVALID_INPUT',
    message: /\/body\/children\/0\/children\/0\/name must be string/,
  });
  // Valid: it goes on to the remote, which is not there.
  await assert.rejects(api.call('a', leaf('c')), { code: 'INTERNAL', message: /127\.0\.0\.1:9/ });
  await assert.rejects(api.call('b', { body: 7 }), { code: 'INVALID_INPUT' });
});

test('schemas that contain themselves without a member between import, and checks of them end', async (t) => {
  const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
  const schemas = {
    A: { allOf: [ref('B')], properties: { x: ref('A') } },
    B: { anyOf: [ref('C'), { type: 'string' }] },
    C: { not: ref('A') },
    P: ref('Q'),
    Q: ref('P'),
  };
  for (const name of Object.keys(schemas)) {
    const api = await imported(
      t,
      document(
        {
          '/a': {
            post: {
              operationId: 'a',
              requestBody: { content: { 'application/json': { schema: ref(name) } } },
              ...ok,
            },
          },
        },
        { components: { schemas } },
      ),
    );
    await assert.rejects(api.call('a', { body: { x: { x: 'deep' } } }), (error: { code: string }) =>
      ['INTERNAL', 'INVALID_INPUT'].includes(error.code),
    );
  }
});

test('HTTP-100 references to whole parameters, responses, bodies and path items work, with ~1 and ~0', async (t) => {
  const api = await imported(
    t,
    document(
      {
        '/a': { $ref: '#/components/pathItems/It~1em~0x' },
        '/b': { get: { operationId: 'b', responses: { 200: { $ref: '#/paths/~1c/get/responses/200' } } } },
        '/c': { get: { operationId: 'c', ...ok } },
      },
      {
        components: {
          pathItems: {
            'It/em~x': {
              post: {
                operationId: 'a',
                parameters: [{ $ref: '#/components/parameters/a%20b' }],
                requestBody: { $ref: '#/components/requestBodies/Body' },
                responses: { 200: { $ref: '#/components/responses/Chain' } },
              },
            },
          },
          parameters: {
            'a b': { name: 'q', in: 'query', schema: { $ref: '#/components/schemas/S/properties/p' } },
          },
          requestBodies: {
            Body: { content: { 'application/json': { schema: { $ref: '#/components/schemas/S' } } } },
          },
          responses: {
            Chain: { $ref: '#/components/responses/Last' },
            Last: { description: '', content: { 'application/json': { schema: { type: 'integer' } } } },
          },
          schemas: { S: { type: 'object', properties: { p: { type: 'boolean' } } } },
        },
      },
    ),
  );
  const { output } = specOf(api, 'a');
  assert.deepEqual(propertiesOf(api, 'a'), {
    q: { type: 'boolean' },
    body: { type: 'object', properties: { p: { type: 'boolean' } } },
  });
  assert.deepEqual(output, { type: 'integer' });
});

test('HTTP-100 references to other documents, to nowhere, and in a circle outside schemas are SchemaParse', async () => {
  const withParameter = (reference: unknown, components = {}) =>
    document({ '/a': { get: { parameters: [{ $ref: reference }], ...ok } } }, { components });
  for (const external of ['other.yaml#/a', 'https://evil.example/x', 'file:///etc/passwd', './x.json'])
    await refused(
      withParameter(external),
      'SchemaParse',
      /parameters\/0\/\$ref: expected a reference inside/,
    );
  await refused(withParameter('#/components/nothing'), 'SchemaParse', /leads nowhere/);
  await refused(withParameter('#/%ff'), 'SchemaParse', /leads nowhere/);
  await refused(withParameter('#/__proto__/x'), 'SchemaParse', /leads nowhere/);
  const circle = {
    parameters: { a: { $ref: '#/components/parameters/b' }, b: { $ref: '#/components/parameters/a' } },
  };
  await refused(withParameter('#/components/parameters/a', circle), 'SchemaParse', /circle/);
});

test('HTTP-102 3.0 nullable admits null after import, as do the other turns of 3.0', async (t) => {
  const schema = {
    type: 'object',
    properties: {
      a: { type: 'string', nullable: true, enum: ['x'] },
      b: { type: 'integer', minimum: 1, exclusiveMinimum: true, maximum: 9, exclusiveMaximum: false },
      c: { allOf: [{ $ref: '#/components/schemas/C' }], nullable: true },
      d: { type: 'string', format: 'byte', example: 'eA==' },
      e: { $ref: '#/components/schemas/C', description: 'ignored beside a reference', nullable: true },
    },
    discriminator: { propertyName: 'a' },
    xml: { name: 'x' },
  };
  const api = await imported(t, {
    ...document(
      {
        '/a': {
          post: { operationId: 'a', requestBody: { content: { 'application/json': { schema } } }, ...ok },
        },
      },
      { components: { schemas: { C: { type: 'object' } } } },
    ),
    openapi: '3.0.3',
  });
  assert.deepEqual(propertiesOf(api, 'a')['body'], {
    type: 'object',
    properties: {
      a: { type: ['string', 'null'], enum: ['x', null] },
      b: { type: 'integer', exclusiveMinimum: 1, maximum: 9 },
      c: { anyOf: [{ allOf: [{ type: 'object' }] }, { type: 'null' }] },
      d: { type: 'string', contentEncoding: 'base64', examples: ['eA=='] },
      e: { type: 'object' },
    },
  });
  await assert.rejects(api.call('a', { body: { a: null, c: null } }), { code: 'INTERNAL' });
  await assert.rejects(api.call('a', { body: { b: 1 } }), { code: 'INVALID_INPUT' });
  await assert.rejects(api.call('a', { body: { e: null } }), { code: 'INVALID_INPUT' });
});

test('a schema over the limits of the registry keeps its near parts, and what is farthest admits anything', async (t) => {
  const schemas = Object.fromEntries(
    Array.from({ length: 3000 }, (_, i) => [
      `S${i}`,
      {
        type: 'object',
        description: 'x'.repeat(100),
        properties: {
          next: { $ref: `#/components/schemas/S${(i + 1) % 3000}` },
          left: { $ref: `#/components/schemas/S${(i * 2) % 3000}` },
        },
      },
    ]),
  );
  const api = await imported(
    t,
    document(
      {
        '/a': {
          post: {
            operationId: 'a',
            requestBody: { content: { 'application/json': { schema: { $ref: '#/components/schemas/S1' } } } },
            ...ok,
          },
        },
      },
      { components: { schemas } },
    ),
  );
  await assert.rejects(api.call('a', { body: { next: { next: { left: 7 } } } }), { code: 'INVALID_INPUT' });
  assert.ok(Buffer.byteLength(JSON.stringify(specOf(api, 'a').input)) < 256 * 1024);
});

test('YAML bombs, cycles and deep nesting end as SchemaParse within a moment', () => {
  const lines = ['a0: &a0 [x,x,x,x,x,x,x,x,x,x]'];
  for (let i = 1; i < 12; i++)
    lines.push(
      `a${i}: &a${i} [${Array(9)
        .fill(`*a${i - 1}`)
        .join(',')}]`,
    );
  const many = `a: &a x\nb: [${Array(101).fill('*a').join(',')}]`;
  for (const text of [
    lines.join('\n'),
    many,
    'a: &a\n  b: *a\n',
    '['.repeat(100_000),
    `a: ${'['.repeat(5_000)}`,
  ]) {
    assert.throws(() => readDocument(text, 'api'), { code: 'SchemaParse' });
  }
  assert.throws(() => readDocument(`[${'['.repeat(300)}${']'.repeat(300)}]`, 'api'), {
    message: /nested more than 200/,
  });
  assert.throws(() => readDocument(' '.repeat(32 * 1024 * 1024 + 1), 'api'), { message: /at most 32 MiB/ });
});

test('names of members that every object has are data, and change no prototype', async (t) => {
  const paths =
    '{ "/a": { "get": { "operationId": "constructor", "responses": { "200": { "description": "" } }, "parameters": [' +
    '{ "name": "__proto__", "in": "query", "schema": { "type": "object", "properties": { "__proto__": { "type": "string" } } } },' +
    '{ "name": "hasOwnProperty", "in": "query" } ] } }, "/__proto__": { "__proto__": { "x": 1 } } }';
  const text = `{ "openapi": "3.1.0", "info": { "__proto__": { "polluted": 1 } }, "paths": ${paths} }`;
  const api = await imported(t, text);
  assert.equal('polluted' in {}, false);
  assert.deepEqual(Object.keys(propertiesOf(api, 'constructor')), ['__proto__', 'hasOwnProperty']);
});

test('more than 10 000 operations are refused, and fewer of the same document import', async () => {
  const paths = Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [`/p${i}`, { get: {} }]));
  await refused(document(paths), 'SchemaParse', /at most 10000 operations, found 10001; narrow them/);
  const adapter = fromOpenAPI({
    namespace: 'api',
    source: document(paths),
    baseUrl: 'http://127.0.0.1:9',
    include: ['get_p1*'],
  });
  assert.equal((await adapter.import()).length, 1112);
});

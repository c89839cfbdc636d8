import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AdapterError } from '@alknet/sdk';
import fc from 'fast-check';
import { fromOpenAPI } from '../../src/adapters/from-openapi.ts';
import { client, document, imported, ok, registryFor, remote } from './harness.ts';

const base = {
  openapi: '3.0.3',
  info: { title: 't', version: '1' },
  servers: [{ url: 'https://{host}/v1', variables: { host: { default: 'api.example' } } }],
  paths: {
    '/pets/{id}': {
      parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'integer', nullable: true } }],
      get: {
        operationId: 'pet',
        summary: 's',
        parameters: [
          { $ref: '#/components/parameters/Q' },
          {
            name: 'f',
            in: 'query',
            style: 'deepObject',
            explode: true,
            content: { 'application/json': { schema: {} } },
          },
        ],
        responses: {
          200: {
            description: 'ok',
            content: { 'application/json': { schema: { $ref: '#/components/schemas/Pet' } } },
          },
          404: { $ref: '#/components/responses/Gone' },
        },
      },
      post: {
        requestBody: {
          required: true,
          content: {
            'multipart/form-data': {
              schema: {
                allOf: [{ $ref: '#/components/schemas/Pet' }],
                properties: { file: { type: 'string', format: 'binary' } },
              },
              encoding: { file: { contentType: 'image/png' } },
            },
          },
        },
        responses: { 201: { description: '', content: { 'text/event-stream': {} } } },
        'x-alknet': { name: 'a/b', type: 'query', input: { type: 'object' } },
      },
    },
  },
  components: {
    parameters: {
      Q: { name: 'q', in: 'query', schema: { type: 'array', items: { type: 'string', enum: ['a'] } } },
    },
    responses: {
      Gone: { description: 'gone', content: { 'application/problem+json': { schema: { type: 'object' } } } },
    },
    schemas: {
      Pet: {
        type: 'object',
        required: ['name'],
        properties: {
          name: { type: 'string', minLength: 1 },
          parent: { $ref: '#/components/schemas/Pet' },
          kind: { oneOf: [{ type: 'string' }, { type: 'null' }] },
        },
        discriminator: { propertyName: 'name' },
      },
    },
  },
};

type Tree = Record<string, unknown>;

/** Every place of a tree, as the keys that lead there. */
function places(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, each]) => places(each, [...path, key]))];
}

function replaced(root: unknown, [key, ...rest]: readonly string[], by: unknown): unknown {
  if (key === undefined) return by;
  const copy = (Array.isArray(root) ? [...root] : { ...(root as Tree) }) as Tree;
  Object.defineProperty(copy, key, {
    value: replaced(copy[key], rest, by),
    enumerable: true,
    configurable: true,
    writable: true,
  });
  return copy;
}

const all = places(base);
/** What documents hold where something else was meant. */
const odd = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom(
    '__proto__',
    'constructor',
    '#',
    '#/',
    '#/paths',
    '#/components/schemas/Pet',
    '#/components',
    'https://x.example/a',
    '\u0000',
    '..',
    '{',
    '{id}',
    '',
    -0,
    1e308,
  ),
  fc.constantFrom(...all).map((place) => ({
    $ref: `#/${place.map((key) => key.replaceAll('~', '~0').replaceAll('/', '~1')).join('/')}`,
  })),
  fc.constantFrom(...all).map((place) => place.reduce<unknown>((at, key) => (at as Tree)[key], base)),
  fc.dictionary(
    fc.constantFrom('$ref', 'type', 'properties', '__proto__', 'allOf', 'items', 'required', 'enum', 'x'),
    fc.jsonValue({ maxDepth: 2 }),
  ),
);

test('documents with anything in the wrong place import or fail with a coded error, and leave nothing behind', async (t) => {
  const { registry, publish } = registryFor(t);
  const shared = client(t);
  const size = registry.base.size;
  const change = fc.tuple(fc.constantFrom(...all), odd);
  await fc.assert(
    fc.asyncProperty(
      fc.array(change, { minLength: 1, maxLength: 3 }),
      fc.boolean(),
      async (changes, asText) => {
        let broken: unknown = base;
        for (const [place, value] of changes) {
          const holds = place
            .slice(0, -1)
            .reduce<unknown>((at, key) => (at as Tree | undefined)?.[key], broken);
          if (place.length === 0 || (typeof holds === 'object' && holds !== null))
            broken = replaced(broken, place, value);
        }
        const source =
          asText || typeof broken !== 'object' || broken === null ? JSON.stringify(broken) : broken;
        try {
          const adapter = fromOpenAPI({
            namespace: 'api',
            source: source === '""' ? {} : source,
            client: shared,
          });
          const publication = publish('api', 'openapi', await adapter.import());
          publication.remove();
        } catch (error) {
          assert.ok(
            error instanceof AdapterError,
            error instanceof Error ? (error.stack ?? '') : String(error),
          );
          assert.match(error.message, /^api: /);
        }
        assert.equal(registry.base.size, size);
        assert.equal('polluted' in {}, false);
      },
    ),
    { numRuns: Number(process.env['ALKNET_FUZZ_RUNS'] ?? 600) },
  );
});

test('a document cannot lead this node to another server than its operator meant', async (t) => {
  const inside = await remote(t);
  const { url, requests } = await remote(t);
  const servers = [{ url: inside.url }];
  const item = { servers, get: { operationId: 'a', servers, ...ok } };
  const api = await imported(
    t,
    document({ '/a': item, '/b@x': { get: { operationId: 'b', ...ok } } }, { servers }),
    { baseUrl: url },
  );
  await api.call('a', {});
  await api.call('b', {});
  assert.equal(inside.requests.length, 0);
  assert.equal(requests.length, 2);
});

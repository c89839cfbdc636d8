import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AdapterRegistration, OperationFault } from '@alknet/sdk';
import type { Adapter } from '../../src/adapters/adapter.ts';
import { type FromJsonSchemaOptions, fromJSONSchema } from '../../src/adapters/from-json-schema.ts';
import { client, published, remote } from './harness.ts';

const input = {
  type: 'object',
  properties: {
    city: { type: 'string' },
    days: { type: 'integer' },
    tags: { type: 'array', items: { type: 'string' } },
    body: { type: 'object' },
  },
  required: ['city'],
  additionalProperties: false,
};

function options(more: Partial<FromJsonSchemaOptions> = {}): FromJsonSchemaOptions {
  return {
    namespace: 'weather',
    baseUrl: 'http://127.0.0.1:9/api/',
    method: 'POST',
    path: '/v1/{city}/today',
    visibility: 'external',
    operation: {
      name: 'today',
      type: 'mutation',
      description: 'Asks for the weather.',
      input,
      output: { type: 'object' },
      errors: [{ code: 'NO_SUCH_CITY', httpStatus: 404 }],
    },
    ...more,
  };
}

test('HTTP-115 fromJSONSchema gives one registration of the stated name, with members in path, query and body', async (t) => {
  const { url, requests } = await remote(t);
  const adapter = fromJSONSchema(options({ baseUrl: `${url}/api/`, client: client(t) }));
  const [registration, ...rest] = await adapter.import();
  assert.equal(rest.length, 0);
  const { name, type, description, access, visibility } = registration?.operation ?? assert.fail();
  assert.deepEqual(
    [name, type, description, access, visibility],
    ['weather/today', 'mutation', 'Asks for the weather.', 'public', 'external'],
  );
  assert.equal(registration?.source, `${url}/api/v1/{city}/today`);
  const api = await published(t, adapter, 'weather');
  await api.call('today', { city: 'São Paulo/x', days: 2, tags: ['a', 'b'], body: { k: 1 } });
  assert.equal(requests[0]?.path, '/api/v1/S%C3%A3o%20Paulo%2Fx/today?days=2&tags=a&tags=b');
  assert.equal(requests[0]?.headers['content-type'], 'application/json');
  assert.equal(requests[0]?.body.toString(), '{"k":1}');
  await assert.rejects(api.call('today', { city: 'x', other: 1 }), { code: 'INVALID_INPUT' });
  await assert.rejects(api.call('today', { city: '..' }), { code: 'INVALID_INPUT' });
});

test('HTTP-115 a subscription streams, and a status that is declared has its own code', async (t) => {
  let status = 200;
  const { url } = await remote(t, (_request, response) => {
    response.writeHead(status, { 'content-type': 'text/event-stream' }).end('data: 1\n\ndata: 2\n\n');
  });
  const operation = { ...options().operation, type: 'subscription' };
  const adapter = fromJSONSchema(options({ baseUrl: url, method: 'get', operation, client: client(t) }));
  const api = await published(t, adapter, 'weather');
  const values: unknown[] = [];
  for await (const value of api.subscribe('today', { city: 'x' })) values.push(value);
  assert.deepEqual(values, [1, 2]);
  status = 404;
  const iterator = api.subscribe('today', { city: 'x' })[Symbol.asyncIterator]();
  await assert.rejects(iterator.next(), { code: 'NO_SUCH_CITY', message: 'HTTP 404: Not Found' });
});

test('HTTP-115 a path member missing in the schema, or not required, is AdapterConfig, as is any other bad member', () => {
  const operation = options().operation;
  const rows: [Partial<FromJsonSchemaOptions>, RegExp][] = [
    [{ path: '/v1/{town}' }, /weather: path: \{town\} is no required member/],
    [{ path: '/v1/{days}' }, /path: \{days\}/],
    [{ path: 'v1' }, /path: expected text that begins with \//],
    [{ method: 'CONNECT' }, /method: expected one of GET/],
    [{ baseUrl: 'none' }, /baseUrl/],
    [{ operation: { ...operation, name: 7 } }, /operation\.name/],
    [{ operation: { ...operation, name: '../x' } }, /operation: .*name/],
    [{ operation: { ...operation, type: 'stream' } }, /operation\.type/],
    [{ operation: { ...operation, input: 'x' } }, /operation\.input/],
    [{ operation: { ...operation, output: { type: 'strin' } } }, /operation: not a JSON Schema/],
    [{ operation: { ...operation, errors: [{ code: 'not a code' }] } }, /operation: .*code/],
    [
      { operation: { ...operation, errors: [{ code: 'NOT_FOUND', httpStatus: 404 }] } },
      /operation: .*NOT_FOUND/,
    ],
    [{ operation: { ...operation, surprise: 1 } }, /operation: .*surprise/],
  ];
  for (const [more, message] of rows) {
    assert.throws(() => fromJSONSchema(options(more)), { code: 'AdapterConfig', message });
  }
});

test('HTTP-116 a handler kind that does not fit the operation type fails registration, and nothing of the set is registered', async (t) => {
  const [registration = assert.fail()] = await fromJSONSchema(options()).import();
  const wrong = (
    type: 'query' | 'subscription',
    handler: AdapterRegistration['handler'],
  ): AdapterRegistration => ({
    ...registration,
    operation: { ...registration.operation, name: 'weather/wrong', type },
    handler,
  });
  for (const bad of [
    wrong('subscription', async () => 1),
    wrong('query', async function* () {
      yield 1;
    }),
  ]) {
    const adapter: Adapter = { kind: 'jsonschema', import: async () => [registration, bad] };
    await assert.rejects(published(t, adapter, 'weather'), (error: unknown) => {
      assert.ok(error instanceof OperationFault);
      assert.match(error.message, /weather\/wrong: handler/);
      return true;
    });
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CallError } from '@alknet/sdk';
import { fromOpenAPI } from '../../src/adapters/from-openapi.ts';
import type { AuthConfig } from '../../src/adapters/request/credential.ts';
import { document, imported, ok, remote } from './harness.ts';

const source = document({
  '/a': {
    get: {
      operationId: 'a',
      parameters: [
        { name: 'X-API-Key', in: 'header' },
        { name: 'key', in: 'query' },
        { name: 'q', in: 'query' },
      ],
      ...ok,
    },
  },
});

/** Names under which tools look for credentials and proxies. */
const usual = [
  'TOKEN',
  'API_KEY',
  'API_TOKEN',
  'HTTP_TOKEN',
  'BEARER_TOKEN',
  'AUTHORIZATION',
  'X_API_KEY',
  'OPENAPI_TOKEN',
];
const proxies = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'];

test('HTTP-94 Bearer, API key and Basic come from capabilities only; environment variables of every usual name change nothing', async (t) => {
  const saved = { ...process.env };
  t.after(() => {
    process.env = saved;
  });
  for (const name of usual) process.env[name] = 'from-the-environment';
  for (const name of proxies) process.env[name] = 'http://127.0.0.1:1';
  const { url, requests } = await remote(t);
  const last = async (auth: AuthConfig, value: string, input: object = {}) => {
    const api = await imported(t, source, { baseUrl: url, auth, secrets: { s: value } });
    await api.call('a', input);
    const request = requests.at(-1);
    assert.ok(request !== undefined);
    const { headers, path } = request;
    assert.equal(JSON.stringify(headers).includes('from-the-environment'), false);
    return { authorization: headers['authorization'], key: headers['x-api-key'], path };
  };
  const none = { authorization: undefined, key: undefined, path: '/a' };
  assert.deepEqual(await last({ kind: 'none' }, 'x'), none);
  assert.deepEqual(await last({ kind: 'bearer', secret: 's' }, 'abc'), {
    ...none,
    authorization: 'Bearer abc',
  });
  assert.deepEqual(await last({ kind: 'apiKey', secret: 's' }, 'abc'), { ...none, key: 'abc' });
  assert.deepEqual(await last({ kind: 'apiKey', secret: 's', in: 'query', name: 'key' }, 'a&c'), {
    ...none,
    path: '/a?key=a%26c',
  });
  assert.deepEqual(await last({ kind: 'basic', secret: 's' }, 'user:pä'), {
    ...none,
    authorization: `Basic ${Buffer.from('user:pä').toString('base64')}`,
  });
  assert.deepEqual(await last({ kind: 'basic', secret: 's' }, 'dXNlcjpw'), {
    ...none,
    authorization: 'Basic dXNlcjpw',
  });
  // No parameter stands in the place of a credential.
  assert.equal((await last({ kind: 'apiKey', secret: 's' }, 'abc', { 'X-API-Key': 'mine' })).key, 'abc');
  const query = await last({ kind: 'apiKey', secret: 's', in: 'query', name: 'key' }, 'abc', {
    key: 'mine',
    q: '1',
  });
  assert.equal(query.path, '/a?q=1&key=abc');
});

test('HTTP-95 a missing credential fails the call without a request being sent; with optional it is sent without', async (t) => {
  const { url, requests } = await remote(t);
  const auth = { kind: 'bearer', secret: 's' } as const;
  const api = await imported(t, source, { baseUrl: url, auth });
  await assert.rejects(api.call('a', {}), { code: 'INTERNAL', message: 'credential for api missing' });
  assert.equal(requests.length, 0);
  const unfit = await imported(t, source, { baseUrl: url, auth, secrets: { s: 'a\r\nX: 1' } });
  await assert.rejects(unfit.call('a', {}), { code: 'INTERNAL', message: 'credential for api missing' });
  assert.equal(requests.length, 0);
  const optional = await imported(t, source, { baseUrl: url, auth: { ...auth, optional: true } });
  await optional.call('a', {});
  assert.equal(requests[0]?.headers['authorization'], undefined);
});

test('HTTP-109 a remote that echoes the credential in its error body does not get it into an error or the log', async (t) => {
  const secrets: [AuthConfig, string][] = [
    [{ kind: 'bearer', secret: 's' }, 'sesame-"open"-1234'],
    [{ kind: 'apiKey', secret: 's', in: 'query', name: 'key' }, 'sesame open/1234'],
    [{ kind: 'basic', secret: 's' }, 'user:sesame-1234'],
    [{ kind: 'basic', secret: 's' }, Buffer.from('user:sesame-1234').toString('base64')],
  ];
  for (const [auth, value] of secrets) {
    const { url } = await remote(t, (request, response) => {
      const { authorization = '' } = request.headers;
      const [, encoded = ''] = authorization.split(' ');
      const echo = [
        authorization,
        request.url,
        value,
        Buffer.from(encoded, 'base64').toString(),
        { [value]: [value] },
      ];
      response
        .writeHead(request.url?.includes('q=') === true ? 302 : 400, `no ${value.slice(0, 8)}`, {
          'content-type': 'application/json',
          'retry-after': value.replaceAll(/[^\x20-\x7e]/g, ''),
          location: `https://x.example/${encodeURIComponent(value)}`,
        })
        .end(JSON.stringify(echo));
    });
    const api = await imported(t, source, { baseUrl: url, auth, secrets: { s: value }, retries: 0 });
    for (const input of [{}, { q: '1' }]) {
      const error: CallError = await api.call('a', input).then(
        () => assert.fail('expected a failure'),
        (failed) => failed,
      );
      const text = JSON.stringify([error.message, error.details, api.lines]);
      for (const form of [
        value,
        'sesame-1234',
        'open/1234',
        encodeURIComponent(value),
        Buffer.from(value).toString('base64'),
      ])
        assert.equal(text.includes(form), false, `${form} in ${text}`);
      assert.ok(text.includes('[REDACTED]'));
    }
  }
});

test('entries that cannot be used are AdapterConfig with namespace and member', () => {
  const rows: [object, RegExp][] = [
    [{ namespace: 'Not/good' }, /namespace/],
    [{ auth: { kind: 'bearer' } }, /^api: auth\.secret/],
    [{ auth: { kind: 'apiKey', secret: 's', in: 'query' } }, /auth\.name/],
    [{ auth: { kind: 'apiKey', secret: 's', name: 'a b' } }, /auth\.name/],
    [{ headers: { Authorization: 'x' } }, /headers: Authorization.*use auth/],
    [{ headers: { cookie: 'x' } }, /headers: cookie/],
    [{ headers: { 'x-a': 'a\nb' } }, /headers: x-a/],
    [{ headers: { 'x a': 'b' } }, /headers/],
    [{ baseUrl: 'ftp://x' }, /baseUrl/],
    [{ baseUrl: 'https://x/?a=1' }, /baseUrl.*without query/],
    [{ baseUrl: 'https://u:p@x/' }, /baseUrl.*use auth/],
    [{ source: 'http://example.com/openapi.json' }, /source: expected https, or http to a loopback/],
    [{ source: 'https://u:p@example.com/' }, /source/],
    [{ source: 7 }, /source/],
  ];
  for (const [options, message] of rows) {
    assert.throws(() => fromOpenAPI({ namespace: 'api', source, ...options }), {
      code: 'AdapterConfig',
      message,
    });
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CallError } from '@alknet/sdk';
import { document, imported, ok, propertiesOf, remote } from './harness.ts';

const body = (type: string, schema: object, more: object = {}) => ({
  required: true,
  content: { [type]: { schema, ...more } },
});

test('HTTP-96 path, query, header and cookie parameters go to their places; the same name in two stays apart', async (t) => {
  const { url, requests } = await remote(t);
  const api = await imported(
    t,
    document({
      '/pets/{id}/{kind}': {
        parameters: [
          { name: 'id', in: 'path', required: true, schema: { type: 'integer' } },
          { name: 'kind', in: 'path', required: true },
          { name: 'shared', in: 'query', schema: { type: 'string' } },
          { name: 'kept', in: 'query', description: 'of the path' },
        ],
        post: {
          operationId: 'a',
          parameters: [
            {
              name: 'shared',
              in: 'query',
              schema: { type: 'integer' },
              required: true,
              description: 'replaces',
            },
            { name: 'id', in: 'query', schema: { type: 'array' } },
            { name: 'id', in: 'header' },
            { name: 'body', in: 'query' },
            { name: 'X-Trace', in: 'header' },
            { name: 'Accept', in: 'header' },
            { name: 'session', in: 'cookie' },
            { name: 'theme', in: 'cookie' },
          ],
          requestBody: body('application/json', { type: 'object' }),
          ...ok,
        },
      },
    }),
    { baseUrl: url },
  );
  assert.deepEqual(Object.keys(propertiesOf(api, 'a')), [
    'id',
    'kind',
    'shared',
    'kept',
    'query_id',
    'header_id',
    'query_body',
    'X-Trace',
    'session',
    'theme',
    'body',
  ]);
  assert.deepEqual(propertiesOf(api, 'a')['shared'], { type: 'integer', description: 'replaces' });
  await api.call('a', {
    id: 7,
    kind: 'cat',
    shared: 1,
    kept: 'a b',
    query_id: [1, 2],
    header_id: 'h',
    query_body: 'q',
    'X-Trace': 't',
    session: 's',
    theme: 'dark',
    body: { n: 1 },
  });
  const [request] = requests;
  assert.equal(request?.method, 'POST');
  assert.equal(request?.path, '/pets/7/cat?shared=1&kept=a%20b&id=1&id=2&body=q');
  assert.equal(request?.headers['id'], 'h');
  assert.equal(request?.headers['x-trace'], 't');
  assert.equal(request?.headers['cookie'], 'session=s; theme=dark');
  assert.equal(request?.headers['accept'], 'application/json, */*;q=0.5');
  assert.equal(request?.headers['user-agent'], 'alknet');
  assert.equal(request?.body.toString(), '{"n":1}');
  await assert.rejects(api.call('a', { id: 7, kind: 'cat', shared: 1, body: {}, other: 1 }), {
    code: 'INVALID_INPUT',
    message: /must not have the property other/,
  });
  await assert.rejects(api.call('a', { id: 7, kind: 'cat', body: {} }), { code: 'INVALID_INPUT' });
});

test('HTTP-96 styles put lists and objects where OpenAPI says', async (t) => {
  const { url, requests } = await remote(t);
  const list = [3, 'a b'];
  const object = { R: 100, 'G&': 200 };
  const rows: [string, object, unknown, string][] = [
    ['query', {}, '', 'x='],
    ['query', {}, true, 'x=true'],
    ['query', {}, null, 'x='],
    ['query', {}, 1.5, 'x=1.5'],
    ['query', {}, list, 'x=3&x=a%20b'],
    ['query', { explode: false }, list, 'x=3,a%20b'],
    ['query', { style: 'spaceDelimited', explode: false }, list, 'x=3%20a%20b'],
    ['query', { style: 'pipeDelimited', explode: false }, list, 'x=3%7Ca%20b'],
    ['query', {}, object, 'R=100&G%26=200'],
    ['query', { explode: false }, object, 'x=R,100,G%26,200'],
    ['query', { style: 'deepObject', explode: true }, { a: { b: [1] }, c: 'd' }, 'x[a][b][0]=1&x[c]=d'],
    ['query', { allowReserved: true }, 'a/b?c=d e%', 'x=a/b?c=d%20e%25'],
    ['query', { content: { 'application/json': {} } }, object, 'x=%7B%22R%22%3A100%2C%22G%26%22%3A200%7D'],
    ['path', {}, list, '3,a%20b'],
    ['path', {}, object, 'R,100,G%26,200'],
    ['path', { explode: true }, object, 'R=100,G%26=200'],
    ['path', { style: 'label' }, list, '.3,a%20b'],
    ['path', { style: 'label', explode: true }, list, '.3.a%20b'],
    ['path', { style: 'label', explode: true }, object, '.R=100.G%26=200'],
    ['path', { style: 'matrix' }, list, ';x=3,a%20b'],
    ['path', { style: 'matrix', explode: true }, list, ';x=3;x=a%20b'],
    ['path', { style: 'matrix', explode: true }, object, ';R=100;G%26=200'],
    ['header', {}, list, '3,a b'],
    ['header', {}, object, 'R,100,G&,200'],
    ['header', { explode: true }, object, 'R=100,G&=200'],
  ];
  for (const [where, more, value, sent] of rows) {
    const schema = 'content' in more ? {} : { schema: {} };
    const api = await imported(
      t,
      document({
        [where === 'path' ? '/p/{x}' : '/p']: {
          get: {
            operationId: 'a',
            parameters: [{ name: 'x', in: where, required: true, ...schema, ...more }],
            ...ok,
          },
        },
      }),
      { baseUrl: url },
    );
    await api.call('a', { x: value });
    const request = requests.at(-1);
    assert.ok(request !== undefined);
    const { path, headers } = request;
    const found =
      where === 'header' ? headers['x'] : path.slice(where === 'path' ? '/p/'.length : '/p?'.length);
    assert.equal(found, sent, JSON.stringify([where, more, value]));
  }
});

test('HTTP-97 a path value with /, .., ? or %2e cannot leave the template', async (t) => {
  const { url, requests } = await remote(t);
  const api = await imported(
    t,
    document({
      '/files/{name}/meta': {
        get: { operationId: 'a', parameters: [{ name: 'name', in: 'path', required: true }], ...ok },
      },
      '/v{n}.x': {
        get: { operationId: 'b', parameters: [{ name: 'n', in: 'path', required: true }], ...ok },
      },
    }),
    { baseUrl: `${url}/base` },
  );
  for (const [value, segment] of [
    ['../secret', '..%2Fsecret'],
    ['a/b', 'a%2Fb'],
    ['a\\b', 'a%5Cb'],
    ['%2e%2e', '%252e%252e'],
    ['%2e', '%252e'],
    ['x?y=1', 'x%3Fy%3D1'],
    ['x#y', 'x%23y'],
    ['...', '...'],
    ['a\r\nb', 'a%0D%0Ab'],
    ['ä', '%C3%A4'],
    ['\ud800', '%EF%BF%BD'],
    ['//evil.example', '%2F%2Fevil.example'],
    ['@evil.example', '%40evil.example'],
  ] as const) {
    await api.call('a', { name: value });
    assert.equal(requests.at(-1)?.path, `/base/files/${segment}/meta`);
  }
  const sent = requests.length;
  for (const name of ['', '.', '..'])
    await assert.rejects(api.call('a', { name }), { code: 'INVALID_INPUT' });
  assert.equal(requests.length, sent);
  await api.call('b', { n: '..' });
  assert.equal(requests.at(-1)?.path, '/base/v...x');
});

test('HTTP-97 no path of a document leads to another origin, and no header of it names another host', async (t) => {
  const { url, requests } = await remote(t);
  const api = await imported(
    t,
    document({
      '//evil.example/x': { get: { operationId: 'a', ...ok } },
      '/@evil.example': { get: { operationId: 'b', ...ok } },
      '/x y"/../z#f': {
        get: {
          operationId: 'c',
          parameters: [
            { name: 'Host', in: 'header' },
            { name: 'Content-Length', in: 'header' },
          ],
          ...ok,
        },
      },
      '/q?Action=List': { get: { operationId: 'd', parameters: [{ name: 'v', in: 'query' }], ...ok } },
    }),
    { baseUrl: url },
  );
  await api.call('a', {});
  await api.call('b', {});
  await api.call('d', { v: '1' });
  assert.deepEqual(
    requests.map(({ path }) => path),
    ['//evil.example/x', '/@evil.example', '/q?Action=List&v=1'],
  );
  await assert.rejects(api.call('c', { Host: 'evil.example' }), {
    code: 'INVALID_INPUT',
    message: /dot segment/,
  });
});

test('header values with control characters are INVALID_INPUT, and text beyond latin-1 is sent as UTF-8', async (t) => {
  const { url, requests } = await remote(t);
  const api = await imported(
    t,
    document({ '/a': { get: { operationId: 'a', parameters: [{ name: 'X-A', in: 'header' }], ...ok } } }),
    { baseUrl: url },
  );
  for (const value of ['a\r\nX-B: 1', 'a\n', '\u0000'])
    await assert.rejects(api.call('a', { 'X-A': value }), { code: 'INVALID_INPUT', message: /X-A/ });
  assert.equal(requests.length, 0);
  await api.call('a', { 'X-A': '€' });
  assert.equal(Buffer.from(String(requests[0]?.headers['x-a']), 'latin1').toString('utf8'), '€');
});

test('HTTP-98 a base URL with and without trailing slash gives the same requests; servers[0] is used without baseUrl', async (t) => {
  const { url, requests } = await remote(t);
  const paths = { '/a': { get: { operationId: 'a', ...ok } } };
  for (const baseUrl of [`${url}/v1`, `${url}/v1/`, `${url}/v1//`])
    await (await imported(t, document(paths), { baseUrl })).call('a', {});
  const server = {
    url: '{scheme}://127.0.0.1:{port}/{base}',
    variables: {
      scheme: { default: 'http' },
      port: { default: new URL(url).port },
      base: { default: 'v1' },
    },
  };
  await (
    await imported(t, document(paths, { servers: [server, { url: 'http://other.example' }] }), {
      baseUrl: undefined,
    })
  ).call('a', {});
  assert.deepEqual(
    requests.map(({ path }) => path),
    Array(4).fill('/v1/a'),
  );
});

test('HTTP-98 servers[0] relative to the source URL is followed; other schemes and no server are AdapterConfig', async (t) => {
  const paths = { '/a': { get: { operationId: 'a', ...ok } } };
  const served = JSON.stringify(document(paths, { servers: [{ url: '../v2' }] }));
  const { url, requests } = await remote(t, (request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(request.url?.endsWith('.json') === true ? served : '1');
  });
  const api = await imported(t, `${url}/docs/deep/openapi.json`, { baseUrl: undefined });
  assert.equal(await api.call('a', {}), 1);
  assert.equal(requests.at(-1)?.path, '/docs/v2/a');
  for (const servers of [
    [],
    [{ url: 'ftp://x.example' }],
    [{ url: '/relative' }],
    [{ url: 'https://u:p@x.example' }],
    [{ url: 'javascript:alert(1)' }],
  ])
    await assert.rejects(imported(t, document(paths, { servers }), { baseUrl: undefined }), {
      code: 'AdapterConfig',
      message: /^api: /,
    });
});

test('HTTP-101 JSON, form, multipart with a file, text and binary bodies arrive at the remote as sent', async (t) => {
  const { url, requests } = await remote(t);
  const file = Buffer.from([0, 255, 13, 10, 45, 45]);
  const api = await imported(
    t,
    document({
      '/json': {
        post: {
          operationId: 'json',
          requestBody: body('application/vnd.x+json', {
            type: 'object',
            properties: { bin: { type: 'string', format: 'byte' } },
          }),
          ...ok,
        },
      },
      '/form': {
        post: {
          operationId: 'form',
          requestBody: body(
            'application/x-www-form-urlencoded',
            { type: 'object' },
            { encoding: { list: { explode: false }, deep: { style: 'deepObject', explode: true } } },
          ),
          ...ok,
        },
      },
      '/parts': {
        post: {
          operationId: 'parts',
          requestBody: body(
            'multipart/form-data',
            {
              type: 'object',
              properties: {
                name: { type: 'string' },
                tags: { type: 'array', items: { type: 'string' } },
                meta: { type: 'object' },
                file: { type: 'string', format: 'binary' },
                photos: { type: 'array', items: { type: 'string', format: 'binary' } },
              },
            },
            { encoding: { photos: { contentType: 'image/png' } } },
          ),
          ...ok,
        },
      },
      '/text': { put: { operationId: 'text', requestBody: body('text/plain', {}), ...ok } },
      '/bytes': { put: { operationId: 'bytes', requestBody: body('application/octet-stream', {}), ...ok } },
      '/all': {
        put: {
          operationId: 'preferred',
          requestBody: {
            content: {
              'text/plain': {},
              'multipart/form-data': {},
              'application/json': { schema: {} },
              'a/b+json': {},
            },
          },
          ...ok,
        },
      },
    }),
    { baseUrl: url },
  );
  const arrived = async (name: string, value: unknown) => {
    await api.call(name, { body: value });
    const last = requests.at(-1);
    return { type: last?.headers['content-type'], body: last?.body ?? Buffer.alloc(0) };
  };
  const json = await arrived('json', { n: 1, bin: 'AP8=' });
  assert.equal(json.type, 'application/vnd.x+json');
  assert.deepEqual(JSON.parse(json.body.toString()), { n: 1, bin: 'AP8=' });

  const form = await arrived('form', {
    a: 'x y&',
    list: [1, 2],
    more: [3, 4],
    deep: { k: 'v' },
    plain: { j: 1 },
  });
  assert.equal(form.type, 'application/x-www-form-urlencoded');
  assert.equal(form.body.toString(), 'a=x+y%26&list=1,2&more=3&more=4&deep[k]=v&plain=%7B%22j%22%3A1%7D');

  const parts = await arrived('parts', {
    name: 'Ada "x"',
    tags: ['a', 'b'],
    meta: { k: 1 },
    file: { data: file.toString('base64'), filename: 'a"b\r\n.bin', contentType: 'application/x-thing' },
    photos: [file.toString('base64')],
  });
  const form2 = await new Response(parts.body, {
    headers: { 'content-type': String(parts.type) },
  }).formData();
  assert.equal(form2.get('name'), 'Ada "x"');
  assert.deepEqual(form2.getAll('tags'), ['a', 'b']);
  const sent = form2.get('file') as File;
  assert.equal(sent.name, 'a"b\r\n.bin');
  assert.equal(sent.type, 'application/x-thing');
  assert.deepEqual(Buffer.from(await sent.arrayBuffer()), file);
  assert.equal((form2.get('photos') as File).type, 'image/png');
  assert.match(
    parts.body.toString('latin1'),
    /name="meta"\r\nContent-Type: application\/json\r\n\r\n\{"k":1\}\r\n/,
  );

  assert.deepEqual(await arrived('text', 'ä'), { type: 'text/plain; charset=utf-8', body: Buffer.from('ä') });
  assert.deepEqual(await arrived('bytes', file.toString('base64')), {
    type: 'application/octet-stream',
    body: file,
  });
  assert.deepEqual(await arrived('preferred', [1]), { type: 'application/json', body: Buffer.from('[1]') });
  await assert.rejects(api.call('form', { body: 'text' }), { code: 'INVALID_INPUT' });
  await assert.rejects(
    api.call('parts', { body: { file: { data: '?' } } }),
    (error: CallError) => error.code === 'INVALID_INPUT',
  );
});

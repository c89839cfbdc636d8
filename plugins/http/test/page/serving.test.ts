import assert from 'node:assert/strict';
import { request } from 'node:https';
import { before, test } from 'node:test';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { buildPage } from '../../../../scripts/build-page.mjs';
import { type LabNode, labNode } from '../websocket/node.ts';

before(() => buildPage());

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

function get(
  node: LabNode,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(`${node.origin}${path}`, {
      method,
      headers,
      rejectUnauthorized: false,
      agent: false,
    });
    sent.on('error', reject);
    sent.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
    sent.end();
  });
}

const paths = ['/', '/alknet/page.js', '/alknet/page.css'];

test('HTTP-137 the page is the decoy unless it is switched on, and under stealth whatever is switched on', async (t) => {
  const off = await labNode(t);
  const token = await off.grant('ada', ['admin']);
  const bearer = { authorization: `Bearer ${token}` };
  const unknown = await get(off, '/unknown-path');
  for (const path of paths) {
    for (const headers of [{}, bearer])
      assert.deepEqual((await get(off, path, headers)).body, unknown.body, path);
  }
  const hidden = await labNode(t, { page: true, stealth: 'strict' });
  const known = { authorization: `Bearer ${await hidden.grant('ada', ['admin'])}` };
  for (const path of paths) {
    for (const headers of [{}, known]) {
      const { status, body } = await get(hidden, path, headers);
      assert.deepEqual([status, body], [404, unknown.body], path);
    }
  }
});

test('HTTP-138 a strict policy lets the page load its own files, and nothing else', async (t) => {
  const node = await labNode(t, { page: true });
  for (const path of paths) {
    const { status, headers } = await get(node, path);
    assert.equal(status, 200, path);
    const policy = String(headers['content-security-policy']);
    assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/);
    assert.match(policy, new RegExp(`connect-src 'self' wss://127.0.0.1:${node.port};`));
    assert.match(policy, /frame-ancestors 'none'; require-trusted-types-for 'script'/);
    assert.doesNotMatch(policy, /unsafe|\*/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['referrer-policy'], 'no-referrer');
  }
  const { headers: asked } = await get(node, '/', { host: 'a;script-src' });
  assert.match(String(asked['content-security-policy']), /connect-src 'self'; base-uri/);
  const { body } = await get(node, '/');
  assert.doesNotMatch(body.toString('utf8'), /<script(?![^>]*\ssrc=)|<style|\son\w+=|style=/);
});

test('files of the page are compressed for those who take it, and told apart by an ETag', async (t) => {
  const node = await labNode(t, { page: true });
  for (const path of paths) {
    const plain = await get(node, path);
    const br = await get(node, path, { 'accept-encoding': 'gzip, deflate, br' });
    const gzip = await get(node, path, { 'accept-encoding': 'gzip' });
    assert.equal(plain.headers['content-encoding'], undefined);
    assert.equal(br.headers['content-encoding'], 'br');
    assert.equal(gzip.headers['content-encoding'], 'gzip');
    assert.deepEqual(brotliDecompressSync(br.body), plain.body);
    assert.deepEqual(gunzipSync(gzip.body), plain.body);
    assert.equal(plain.headers['cache-control'], 'no-cache');
    const again = await get(node, path, { 'if-none-match': String(plain.headers['etag']) });
    assert.deepEqual([again.status, again.body.length], [304, 0]);
    assert.equal((await get(node, path, {}, 'HEAD')).status, 200);
    assert.equal((await get(node, path, {}, 'POST')).status, 405);
  }
});

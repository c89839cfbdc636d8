import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { compileSchema, Secret, Type } from '@alknet/sdk';
import { configJsonSchema } from '../../src/config/index.ts';
import { parseConfig } from '../../src/config/parse.ts';
import { accepted, refused } from './support.ts';

const pin = `ed25519:${'ab'.repeat(32)}`;
const valid: object[] = [
  {},
  { $schema: './s.json', name: 'n', dataDir: './data' },
  {
    listen: {
      quic: ['127.0.0.1:1', '[::1]:1'],
      tls: { addresses: [{ address: '*:1', fallbackAlpn: null }] },
    },
  },
  { limits: { drain: '2s', frame: '1MiB', idleTimeout: 30 } },
  {
    plugins: {
      call: true,
      http: false,
      w: { use: './w.ts', isolation: 'inline', grant: { operations: ['fs/*'] } },
    },
  },
  { peers: { a: { fingerprints: [pin], token: { secret: 's' } } } },
  { export: [{ operations: ['a/b/*'], access: { scopes: ['x'] } }] },
  { log: { level: 'notice', plugins: { ssh: 'trace' } } },
];
const invalid: object[] = [
  { nmae: 'n' },
  { name: null },
  { listen: { quic: 4433 } },
  { listen: { quic: { udpPayload: 100 } } },
  { limits: { drain: 'soon' } },
  { limits: { frame: '2MB' } },
  { limits: { connections: 0 } },
  { plugins: { Call: true } },
  { plugins: { ssh: { enabeld: true } } },
  { plugins: { ssh: { grant: { gateway: 'yes' } } } },
  { peers: { a: { fingerprints: ['nonsense'] } } },
  { peers: { a: { token: 'literal' } } },
  { export: [{ operations: 'a/b' }] },
  { log: { level: 'loud' } },
];

/** The strict checker of the sdk takes no defaults inside alternatives; they are for editors. */
function withoutDefaults(schema: object): object {
  return JSON.parse(JSON.stringify(schema, (key, value: unknown) => (key === 'default' ? undefined : value)));
}

test('CFG-13 the schema for editors accepts every valid example and refuses every invalid one, as the node does', async () => {
  const check = compileSchema(withoutDefaults(configJsonSchema()));
  const spec = await readFile(new URL('../../../docs/spec/config.md', import.meta.url), 'utf8');
  const { document } = parseConfig(Buffer.from(/```jsonc\n([\s\S]*?)```/.exec(spec)?.[1] ?? ''));
  assert.ok(document);
  for (const example of [document.value, ...valid]) {
    accepted(JSON.stringify(example));
    assert.equal(check(structuredClone(example)), undefined, JSON.stringify(example));
  }
  for (const example of invalid) {
    refused(JSON.stringify(example));
    assert.notEqual(check(structuredClone(example)), undefined, JSON.stringify(example));
  }
});

test('CFG-13 the config of the plugins that the file names is part of it', () => {
  const schema = configJsonSchema({ w: Type.Object({ key: Secret() }, { additionalProperties: false }) });
  const check = compileSchema(withoutDefaults(schema));
  const withKey = (key: unknown) => ({ plugins: { w: { config: { key } } } });
  assert.equal(check(withKey({ secret: 's' })), undefined);
  assert.notEqual(check(withKey('literal')), undefined);
});

test('CFG-13 every key has a description', () => {
  const missing: string[] = [];
  const visit = (schema: unknown, path: string) => {
    if (typeof schema !== 'object' || schema === null) return;
    const { properties } = schema as { properties?: Record<string, { description?: string }> };
    for (const [key, member] of Object.entries(properties ?? {})) {
      if (member.description === undefined) missing.push(`${path}.${key}`);
      visit(member, `${path}.${key}`);
    }
    for (const [key, member] of Object.entries(schema)) if (key !== 'properties') visit(member, path);
  };
  visit(configJsonSchema(), '');
  assert.deepEqual(missing, []);
});

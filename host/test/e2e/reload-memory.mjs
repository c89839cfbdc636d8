/**
 * Reloads a plugin in a worker as often as the first argument says, with calls in between, and prints what the process
 * holds after a collection, before and after: `node --expose-gc reload-memory.mjs 100`. With `spare` as second argument
 * each reload finds a thread that was made before it.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Capabilities, silentLog } from '@alknet/sdk';
import { MemoryStore } from '@alknet/sdk/testing';
import { configFromBytes } from '../../dist/config/index.js';
import { MetricTable, PluginSupervisor } from '../../dist/plugins/index.js';

const reloads = Number(process.argv[2]);
const directory = mkdtempSync(join(tmpdir(), 'alknet-reloads-'));
writeFileSync(
  join(directory, 'clock.ts'),
  `import { defineOperation, definePlugin, Type } from '@alknet/sdk';
   const hoard = Array.from({ length: 10_000 }, (_, n) => ({ n }));
   export default definePlugin({ name: 'clock', version: '1.0.0', operations: [defineOperation({
     name: 'clock/now', type: 'query', access: 'public', input: Type.Object({}), output: Type.Any(),
     handler: (_input, { identity }) => [hoard.length, identity.id] })],
     start: () => ({ stop() {} }) });`,
);

let current;
const supervisor = new PluginSupervisor({
  directory,
  dataDir: directory,
  sdkVersion: '0.1.0',
  trust: { mode: 'any', publishers: {} },
  sourceQuiet: 100,
  spareThreads: process.argv[3] === 'spare',
  node: { id: 'ed25519:00', z32: 'y', name: 'test', version: '0.1.0' },
  limits: {},
  reloadGrace: 0,
  metrics: new MetricTable(),
  log: silentLog,
  pluginLog: () => silentLog,
  store: () => new MemoryStore(),
  identity: () => ({ resolveFingerprint: () => undefined, resolveToken: () => undefined }),
  capabilities: () => new Capabilities(),
  surface: {
    publish: async (next) => {
      current = next;
    },
    withdraw: async () => {},
    privilegeChanged: () => {},
    operations: () => ({}),
  },
});
const text = JSON.stringify({ plugins: { clock: { use: './clock.ts' } } });
const surroundings = { env: {}, hostname: 'test', home: directory, cwd: directory };
await supervisor.apply(
  configFromBytes(join(directory, 'alknet.config.json'), Buffer.from(text), { surroundings }).config,
);

async function call() {
  const { signal } = new AbortController();
  const identity = { id: 'ada', scopes: [], resources: {} };
  const context = { operation: 'clock/now', requestId: 'r', identity, connection: null, signal, depth: 0 };
  const [length, id] = await current.operations[0].handler({}, context);
  if (length !== 10_000 || id !== 'ada') throw new Error(`the plugin answered ${length}, ${id}`);
}

async function reload(times) {
  for (let n = 0; n < times; n++) {
    await supervisor.reload('clock');
    await call();
  }
}

/** Bytes after a collection, when the threads that were replaced are gone. */
async function held() {
  for (let round = 0; round < 5; round++) {
    await delay(100);
    globalThis.gc();
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { js: heapUsed + external, rss };
}

await reload(20);
const before = await held();
const begin = performance.now();
await reload(reloads);
const milliseconds = (performance.now() - begin) / reloads;
const after = await held();
console.log(JSON.stringify({ reloads, before, after, milliseconds }));
await supervisor.stop();
rmSync(directory, { recursive: true, force: true });

/**
 * A node that knows a thousand peers and has imported ten thousand operations, beside the one that is called.
 *
 * @module
 */

import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { startNode } from '@alknet/host';
import { connect } from '@alknet/host/client';
import { defineOperation, serveOperations, Type } from '@alknet/sdk';
import { crowd, type ServeOptions, type Server } from '../stack.ts';
import { echoPlugin, makeNode } from './node.ts';

const schema = Type.Object({
  text: Type.String({ maxLength: 1000 }),
  number: Type.Number(),
  tags: Type.Array(Type.String({ maxLength: 100 }), { maxItems: 10 }),
});

/** Discovery of one that offers so many operations. */
function offering(count: number) {
  const spec = { op_type: 'query', input_schema: schema, output_schema: schema, error_schemas: [] };
  const operations = Array.from({ length: count }, (_, n) => ({ name: `work/op${n}`, spec }));
  return serveOperations([
    defineOperation({
      name: 'services/list',
      type: 'query',
      access: 'public',
      input: Type.Unknown(),
      output: Type.Unknown(),
      handler: () => ({ revision: '1', operations }),
    }),
  ]);
}

export async function crowded({ udpPayload }: ServeOptions): Promise<Server> {
  const [made, ...others] = await Promise.all(Array.from({ length: crowd.importsOf + 1 }, makeNode));
  if (made === undefined) throw new Error('expected a node');
  for (const [index, other] of others.entries())
    made.admit(`worker${index}`, await operatorOf(other.dataDir));
  await addPeers(made.dataDir);
  const peers = others.map((_, index) => [`worker${index}`, { peer: `worker${index}`, import: true }]);
  await made.configure({
    listen: { quic: { addresses: ['127.0.0.1:0'], udpPayload, loopbackUdpPayload: udpPayload }, tls: false },
    plugins: { call: true, bench: echoPlugin() },
    peers: Object.fromEntries(peers),
  });
  const node = await startNode({ configPath: made.configPath });
  const address = made.address(node, udpPayload);
  const begun = performance.now();
  const workers = await Promise.all(
    others.map((other) =>
      connect(`127.0.0.1:${address.port}#${node.id}`, {
        identity: join(other.dataDir, 'operator.key'),
        serve: offering(crowd.operations),
      }),
    ),
  );
  while (node.status().peers.some(({ operations }) => operations < crowd.operations)) await delay(5);
  const imported = {
    operations: crowd.importsOf * crowd.operations,
    seconds: (performance.now() - begun) / 1000,
  };
  return {
    address,
    imported,
    stop: async () => {
      for (const worker of workers) worker.close();
      await node.stop();
      await Promise.all([made, ...others].map((folder) => folder.remove()));
    },
  };
}

/** Fingerprint of the operator's key, under which the worker dials. */
async function operatorOf(dataDir: string): Promise<string> {
  const { peers } = JSON.parse(await readFile(join(dataDir, 'peers.json'), 'utf8')) as {
    peers: { id: string; fingerprints: string[] }[];
  };
  return peers[0]?.fingerprints[0] ?? '';
}

async function addPeers(dataDir: string): Promise<void> {
  const path = join(dataDir, 'peers.json');
  const file = JSON.parse(await readFile(path, 'utf8')) as { peers: object[] };
  const createdAt = new Date().toISOString();
  for (let n = 0; n < crowd.peers; n++) {
    file.peers.push({
      id: `peer${n}`,
      fingerprints: [`ed25519:${randomBytes(32).toString('hex')}`],
      scopes: ['some:scope'],
      resources: {},
      enabled: true,
      createdAt,
    });
  }
  await writeFile(path, JSON.stringify(file), { mode: 0o600 });
}

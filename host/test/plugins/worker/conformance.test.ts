/**
 * CFG-30: the conformance suite, for plugins written by third parties, inline and in a worker.
 */

import { describe } from 'node:test';
import type { Plugin } from '@alknet/sdk';
import { type ConformanceOptions, conformance, createTestNode } from '@alknet/sdk/testing';
import { openInThread, WorkerThread } from '../../../src/plugins/worker/index.ts';

const secrets = { 'acme-invoice-key': 'a key for tests' };

for (const [name, options] of [
  ['acme-chat', {}],
  ['acme-feed', {}],
  ['acme-invoice', { secrets }],
] as const satisfies readonly (readonly [string, ConformanceOptions])[]) {
  const url = new URL(`../../../../examples/${name}/src/plugin.ts`, import.meta.url).href;
  const manifest = new URL(`../../../../examples/${name}/package.json`, import.meta.url);
  const { default: plugin }: { default: Plugin } = await import(url);
  const inThread = async () => {
    const { plugin: standIn, thread } = await openInThread(
      url,
      new WorkerThread({ plugin: name, memory: 512 * 1024 * 1024, heartbeat: 10_000 }),
    );
    const node = await createTestNode(standIn, options);
    const stop = node.stop.bind(node);
    node.stop = async () => {
      await stop();
      await thread.close();
    };
    return node;
  };
  describe(`CFG-30 the conformance suite passes for ${name} inline and as a worker alike`, () => {
    const inline = { name: 'inline', start: () => createTestNode(plugin, options) };
    const worker = { name: 'worker', start: inThread };
    for (const driver of [inline, worker]) conformance(plugin, { ...options, manifest, driver });
  });
}

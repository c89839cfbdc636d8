/** The conformance suite for a plugin of this repository, inline and in a worker. */

import { describe } from 'node:test';
import type { Plugin } from '@alknet/sdk';
import { type ConformanceOptions, conformance, memoryDriver } from '@alknet/sdk/testing';
import { threadDriver } from '../../../src/cli/plugin-check/thread-driver.ts';
import { openInThread, WorkerThread } from '../../../src/plugins/worker/index.ts';

const root = new URL('../../../../', import.meta.url);

/** `path` from the root of the repository; with what the tests of the plugin itself give the suite. */
export async function conforms(path: string, options: ConformanceOptions = {}): Promise<void> {
  const url = new URL(`${path}/src/plugin.ts`, root).href;
  const file = path.startsWith('host/templates/') ? 'package.template.json' : 'package.json';
  const manifest = new URL(`${path}/${file}`, root);
  const { default: plugin }: { default: Plugin } = await import(url);
  const thread = { plugin: plugin.name, memory: 512 * 1024 * 1024, heartbeat: 10_000 };
  const inThread = threadDriver(() => openInThread(url, new WorkerThread(thread)), options);
  const inline = { ...memoryDriver(plugin, options), name: 'inline' };
  describe(`CFG-30 the conformance suite passes for ${path} inline and as a worker alike`, () => {
    conformance(plugin, { ...options, manifest, driver: inline });
    // From source a thread is compiled before it starts, which takes seconds on a machine that is busy.
    conformance(plugin, { ...options, manifest, driver: inThread, patience: 15_000 });
  });
}

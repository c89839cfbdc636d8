import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Plugin } from '@alknet/sdk';
import { createTestNode, type TestNode, type TestNodeOptions } from '@alknet/sdk/testing';
import { openInThread, type PluginThread, WorkerThread } from '../../../src/plugins/worker/index.ts';

export interface Opened {
  readonly plugin: Plugin;
  /** Absent: inline. */
  readonly thread: PluginThread | undefined;
}

export type Where = 'inline' | 'worker';

const MiB = 1024 * 1024;

/** The plugin of a module beside this file, in this thread or in one of its own. */
export async function open(
  t: TestContext,
  where: Where,
  module: string,
  memory = 256 * MiB,
): Promise<Opened> {
  const url = new URL(module, import.meta.url).href;
  if (where === 'inline') {
    // A copy of its own for each test, as each thread has.
    const copy: { default: Plugin } = await import(`${url}?${Math.random()}`);
    return { plugin: copy.default, thread: undefined };
  }
  const opened = await openInThread(url, new WorkerThread({ plugin: 'all', memory, heartbeat: 10_000 }));
  t.after(() => opened.thread.close());
  return opened;
}

/** One test, run by the same words where the plugin runs inline and where it runs in a thread. */
export function both(
  title: string,
  options: TestNodeOptions,
  body: (node: TestNode, t: TestContext, opened: Opened) => Promise<void>,
): void {
  for (const where of ['inline', 'worker'] as const) {
    test(`CFG-30 ${where}: ${title}`, { timeout: 30_000 }, async (t) => {
      const opened = await open(t, where, './everything.ts');
      const node = await createTestNode(opened.plugin, options);
      let stopped = false;
      const stop = async () => {
        if (!stopped) await node.stop();
        stopped = true;
      };
      t.after(stop);
      await body(node, t, opened);
      await stop();
    });
  }
}

/** Waits until the plugin has noticed all of it. */
export async function hasSeen(node: TestNode, all: readonly string[]): Promise<void> {
  const until = performance.now() + 5000;
  const count = (list: readonly string[], one: string) => list.filter((other) => other === one).length;
  for (;;) {
    const seen = (await node.call('all/seen', {})) as string[];
    if (all.every((one) => count(seen, one) >= count(all, one))) return;
    if (performance.now() > until) assert.fail(`the plugin has noticed ${seen}, and not ${all}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/**
 * Start and stop: nothing is left behind, what runs ends, a second stop does no harm. `docs/spec/config.md` 6.5,
 * `docs/spec/endpoint.md` 13.
 *
 * @module
 */

import { beginStream } from './connections.ts';
import type { PluginUnderTest } from './driver.ts';
import { watchLeaks } from './leaks.ts';
import { beginSubscriptions, use } from './operations.ts';
import { type Check, ConformanceFault, externalOperations, type Subject, until, within } from './subject.ts';

export function lifeChecks(subject: Subject): Check[] {
  return [
    { title: 'starts, stops, and starts again', run: () => startsAgain(subject) },
    { title: 'stop may be called twice', run: () => stopsTwice(subject) },
    { title: 'stop ends calls, streams and connections', run: () => stopEndsAll(subject) },
    { title: 'start and stop leave nothing behind', run: () => leavesNothing(subject) },
  ];
}

async function start(subject: Subject): Promise<PluginUnderTest> {
  return await within(subject, 'start() did not return', subject.driver.start());
}

async function stop(subject: Subject, node: PluginUnderTest): Promise<void> {
  await within(subject, 'stop() and what it ends, connection() included, did not end', node.stop());
}

async function startsAgain(subject: Subject): Promise<void> {
  await stop(subject, await start(subject));
  await stop(subject, await start(subject));
}

async function stopsTwice(subject: Subject): Promise<void> {
  const node = await start(subject);
  await stop(subject, node);
  try {
    await stop(subject, node);
  } catch (error) {
    throw new ConformanceFault(`a second stop() failed: ${String(error)}; make it do nothing`, {
      cause: error,
    });
  }
}

async function stopEndsAll(subject: Subject): Promise<void> {
  const node = await start(subject);
  const subscriptions = beginSubscriptions(subject, node);
  await openEverything(subject, node);
  await stop(subject, node);
  await within(subject, 'a subscription did not end', Promise.all(subscriptions));
  await until(
    subject,
    () => 'handlers of calls or connections go on after stop(): let them heed their signal; they did not end',
    async () => {
      const { calls, connections } = await node.running();
      return calls === 0 && connections === 0;
    },
  );
}

async function openEverything(subject: Subject, node: PluginUnderTest): Promise<void> {
  const { plugin, identity, streams } = subject;
  for (const alpn of plugin.alpns ?? []) {
    for (const singleStream of [false, true]) {
      const connection = await node.connect({ alpn, identity, singleStream });
      await beginStream(connection, { send: 'x', ...streams[alpn] });
    }
  }
  await new Promise((resolve) => setImmediate(resolve));
}

async function leavesNothing(subject: Subject): Promise<void> {
  // The first time loads what stays loaded.
  await once(subject);
  const traces = await watchLeaks(() => once(subject));
  try {
    await traces.aside(() =>
      until(
        subject,
        () =>
          `after stop() there is still ${traces.remaining().join(' and ')}: end it in stop(), or when host.signal aborts; it was not gone`,
        () => traces.remaining().length === 0,
      ),
    );
  } finally {
    traces.end();
  }
}

/** A short life in which everything is used. */
async function once(subject: Subject): Promise<void> {
  const node = await start(subject);
  for (const operation of externalOperations(subject)) {
    if (operation.openWorld === true && !Object.hasOwn(subject.inputs, operation.name)) continue;
    // What an operation answers is looked at elsewhere.
    await use(subject, node, operation).catch(() => {});
  }
  await openEverything(subject, node);
  await stop(subject, node);
}

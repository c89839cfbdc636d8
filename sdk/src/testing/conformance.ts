/**
 * The conformance suite: what every plugin owes its node, as tests of any plugin in one line.
 *
 * It checks that the manifest agrees with the code; that start and stop leave no timer, socket or listener behind; that
 * what runs ends with `stop()`, and a second `stop()` does no harm; that operations check their callers, input and
 * output; that subscriptions end with their caller; that streams half-close, and one that is reset harms no other.
 *
 * @example
 * // test/conformance.test.ts, run by `node --test`
 * import { conformance } from '@alknet/sdk/testing';
 * import plugin from '../src/plugin.ts';
 *
 * conformance(plugin);
 *
 * @module
 */

import { describe, test } from 'node:test';
import type { Identity } from '../identity.ts';
import type { Plugin } from '../plugin.ts';
import { connectionChecks } from './conformance/connections.ts';
import { type ConformanceDriver, memoryDriver } from './conformance/driver.ts';
import { lifeChecks } from './conformance/life.ts';
import { checkManifest, checkNames, findManifest } from './conformance/manifest.ts';
import { operationChecks } from './conformance/operations.ts';
import { anyCaller, type Check, type StreamSample, type Subject } from './conformance/subject.ts';
import type { TestNodeOptions } from './test-node.ts';

export interface ConformanceOptions extends TestNodeOptions {
  /** What runs the plugin; the options of a test node do not count then. Default: the node in memory. */
  readonly driver?: ConformanceDriver;
  /** The `package.json`. Default: the nearest above the test file. `false`: a plugin of a single file has none. */
  readonly manifest?: URL | string | false;
  /** Who calls and connects. Default: one that has every scope and resource that the operations ask for. */
  readonly identity?: Identity;
  /** Inputs by operation, where none can be made of the schema or a better one is known. */
  readonly inputs?: Readonly<Record<string, unknown>>;
  /** What is said on a stream, by ALPN. Default: it begins with its end. */
  readonly streams?: Readonly<Record<string, StreamSample>>;
  /** Milliseconds for whatever must end. Default 5000, after which a node gives up on a handler. */
  readonly patience?: number;
}

/** Registers the suite with Node's test runner, one test for each check. */
export function conformance(plugin: Plugin, options: ConformanceOptions = {}): void {
  const where = options.driver?.name ?? 'in memory';
  describe(`plugin ${plugin.name} conforms, ${where}`, () => {
    for (const check of conformanceChecks(plugin, options)) test(check.title, () => check.run());
  });
}

/** The same for any other runner: each check rejects with what is wrong and what to do. */
export function conformanceChecks(plugin: Plugin, options: ConformanceOptions = {}): readonly Check[] {
  const subject: Subject = {
    plugin,
    driver: options.driver ?? memoryDriver(plugin, options),
    identity: options.identity ?? anyCaller(plugin),
    inputs: options.inputs ?? {},
    streams: options.streams ?? {},
    patience: options.patience ?? 5000,
  };
  const { manifest } = options;
  return [
    ...(manifest === false
      ? []
      : [
          {
            title: 'its manifest agrees with its code',
            run: async () => checkManifest(plugin, findManifest(manifest)),
          },
        ]),
    { title: 'its names and schemas are those of a plugin', run: async () => checkNames(plugin) },
    ...lifeChecks(subject),
    ...operationChecks(subject),
    ...connectionChecks(subject),
  ];
}

/**
 * What every check of the suite knows: the plugin, how it is run, who calls it, and how long it may take.
 *
 * @module
 */

import type { Identity } from '../../identity.ts';
import type { AnyOperation } from '../../operation.ts';
import type { Plugin } from '../../plugin.ts';
import type { ConformanceDriver, PluginUnderTest } from './driver.ts';

/** What a client says on a stream of an ALPN, and what it is told. */
export interface StreamSample {
  /** Default: nothing, so that the stream begins with its end. */
  readonly send?: string | Uint8Array;
  /** All that the plugin answers before it ends its side; not looked at when absent. */
  readonly receive?: string | Uint8Array;
  /** The plugin goes on sending after the client has ended its side. Default `false`. */
  readonly endless?: boolean;
}

export interface Subject {
  readonly plugin: Plugin;
  readonly driver: ConformanceDriver;
  readonly identity: Identity;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly streams: Readonly<Record<string, StreamSample>>;
  /** Milliseconds for whatever must end. */
  readonly patience: number;
}

export interface Check {
  readonly title: string;
  /** @throws AssertionError that says what is wrong and what to do */
  run(): Promise<void>;
}

export class ConformanceFault extends Error {
  override readonly name = 'ConformanceFault';
}

/** An identity that may call every operation of the plugin. */
export function anyCaller({ operations = [] }: Plugin): Identity {
  const rules = operations.flatMap(({ access }) => (typeof access === 'string' ? [] : [access]));
  const resources = new Map<string, string[]>();
  for (const { resource } of rules) {
    if (resource === undefined) continue;
    const { type = 'conformance', action } = resource;
    const words = resources.get(type) ?? ['manage'];
    resources.set(type, action === undefined ? words : [...words, action]);
  }
  const scopes = rules.flatMap(({ scopes = [], anyScopes = [] }) => [...scopes, ...anyScopes]);
  return { id: 'conformance', scopes: [...new Set(scopes)], resources: Object.fromEntries(resources) };
}

export function externalOperations({ plugin }: Subject): readonly AnyOperation[] {
  return (plugin.operations ?? []).filter(({ visibility }) => visibility !== 'internal');
}

/** Runs the plugin for one piece of work and stops it, whatever came of it. */
export async function withNode<Result>(
  { driver, patience }: Subject,
  use: (node: PluginUnderTest) => Promise<Result>,
): Promise<Result> {
  const node = await driver.start();
  try {
    return await use(node);
  } finally {
    // Whether stop() does its work is a check of its own.
    await Promise.race([node.stop().catch(() => {}), after(patience)]);
  }
}

/** @throws ConformanceFault when the work has not ended within the patience */
export async function within<Result>(
  { patience }: Pick<Subject, 'patience'>,
  what: string,
  work: Promise<Result>,
): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new ConformanceFault(`${what} within ${patience} ms`)), patience);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Looks until it is so. @throws ConformanceFault */
export async function until(
  { patience }: Pick<Subject, 'patience'>,
  what: () => string,
  holds: () => Promise<boolean> | boolean,
): Promise<void> {
  const end = Date.now() + patience;
  while (!(await holds())) {
    if (Date.now() > end) throw new ConformanceFault(`${what()} within ${patience} ms`);
    await after(5);
  }
}

const after = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

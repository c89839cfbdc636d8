/**
 * From a plugin entry to its checked module: locate, manifest, bundle, import, compare. Nothing is registered here.
 * `docs/spec/config.md` 6.2 and 6.3, steps 1 to 3.
 *
 * @module
 */

import { isDeepStrictEqual } from 'node:util';
import {
  type Check,
  compileSchema,
  hostServices,
  isPluginName,
  ownsName,
  type Plugin,
  type Requests,
  reservedServices,
  SchemaFault,
  serviceOf,
} from '@alknet/sdk';
import { claimProblem } from '../endpoint/alpn.ts';
import { isBuiltIn } from './built-in.ts';
import { type Bundle, bundlePlugin } from './bundle.ts';
import { type CodeOrigin, codeOrigin } from './code-origin.ts';
import { PluginError, placeIn, reasonOf, stackOf } from './plugin-error.ts';
import { type Located, locatePlugin } from './resolve.ts';
import { satisfies } from './semver.ts';
import { type Trust, type Vouched, vouch } from './trust.ts';
import { NoPluginError, openInThread, type PluginThread, type WorkerThread } from './worker/index.ts';

export interface LoadedPlugin {
  readonly plugin: Plugin;
  readonly builtIn: boolean;
  readonly package: string;
  readonly version: string;
  readonly alpns: readonly string[];
  readonly requests: Requests;
  /** Of the bytes that run. `modules` is absent for built-in plugins, which are not bundled. */
  readonly integrity: string;
  readonly modules: string | undefined;
  readonly signer: Vouched['signer'];
  /** What an operator should know of its files, and what did not keep it from loading. */
  readonly problems: readonly string[];
  /** Of `config`; fills defaults in place. */
  readonly checkConfig: Check;
  /** Files of the author that it is made of; empty for built-in plugins. */
  readonly files: readonly string[];
  /** A stack with places in the author's source. */
  trace(stack: string): string;
  /** Directory of the package, or the single file. */
  readonly root: string;
  readonly loadedAt: Date;
  /** In which it runs; absent: in that of the node. Who loads it closes it. */
  readonly thread: PluginThread | undefined;
}

export interface LoadPluginOptions {
  /** Of the configuration file. */
  readonly directory: string;
  /** Version of the host's `@alknet/sdk`. */
  readonly sdkVersion: string;
  readonly trust: Trust;
  /** Gives the thread that its code is for, and is asked when there is code; absent: that of the node. */
  readonly thread?: () => WorkerThread;
  /** Makes one module of the entry; default: from nothing, and once. */
  readonly bundle?: (entry: string) => Promise<Bundle>;
}

/** @throws PluginError */
export async function loadPlugin(
  name: string,
  use: string | undefined,
  options: LoadPluginOptions,
): Promise<LoadedPlugin> {
  const located = await locatePlugin(name, use, options.directory);
  checkSdk(located, options.sdkVersion);
  const imported = await importPlugin(name, located, options);
  try {
    checkModule(name, located, imported.plugin);
    return loadedOf(located, imported, configCheck(imported.plugin, located));
  } catch (error) {
    await imported.thread?.close();
    throw error;
  }
}

function loadedOf(located: Located, imported: Imported, checkConfig: Check): LoadedPlugin {
  const { plugin, files, trace, integrity, modules, signer, problems, thread } = imported;
  return {
    plugin,
    builtIn: located.builtIn,
    package: located.facts?.name ?? located.root,
    version: plugin.version,
    alpns: plugin.alpns ?? [],
    requests: plugin.requests ?? {},
    integrity,
    modules,
    signer,
    problems,
    checkConfig,
    files,
    trace,
    root: located.root,
    loadedAt: new Date(),
    thread,
  };
}

function checkSdk({ facts }: Located, sdkVersion: string): void {
  const range = facts?.manifest.sdk;
  if (facts === undefined || range === undefined) return;
  const fits = satisfies(sdkVersion, range);
  if (fits === true) return;
  const expected = fits === undefined ? `"${range}", which is no semver range` : `@alknet/sdk ${range}`;
  throw new PluginError(
    `${facts.name} ${facts.version} is made for ${expected}, and this node has ${sdkVersion}; install a version of the plugin that fits`,
  );
}

interface Code
  extends Pick<LoadedPlugin, 'files' | 'trace' | 'integrity' | 'modules' | 'signer' | 'problems'> {
  readonly url: string;
}

/** What is to be imported, when it may be. @throws PluginError */
async function codeOf(
  name: string,
  located: Located,
  { directory, trust, bundle = (entry) => bundlePlugin(name, entry) }: LoadPluginOptions,
): Promise<Code> {
  if (located.builtIn) {
    const { integrity } = await installed(located);
    const trace = (stack: string) => stack;
    const url = located.entry;
    return { url, files: [], trace, integrity, modules: undefined, signer: undefined, problems: [] };
  }
  const { url, files, trace, inputs } = await bundle(located.entry);
  const origin = await codeOrigin(located, inputs);
  const { integrity, modules } = origin;
  const vouched = await vouch({ name, trust, directory, located, origin, inputs: files });
  return { url, files, trace, integrity, modules, ...vouched };
}

const installedOnce = new Map<string, Promise<CodeOrigin>>();

/** Built-in plugins are part of the host's own installation, and stay one copy: what was loaded first is what runs. */
function installed(located: Located): Promise<CodeOrigin> {
  let origin = installedOnce.get(located.root);
  if (origin === undefined) {
    origin = codeOrigin(located, new Map());
    installedOnce.set(located.root, origin);
  }
  return origin;
}

interface Imported extends Omit<Code, 'url'>, Pick<LoadedPlugin, 'plugin' | 'thread'> {}

async function importPlugin(name: string, located: Located, options: LoadPluginOptions): Promise<Imported> {
  const { url, ...code } = await codeOf(name, located, options);
  const { trace, files } = code;
  let module: unknown;
  try {
    if (options.thread !== undefined) {
      const opened = await openInThread(url, options.thread());
      return { ...opened, ...code };
    }
    module = await import(url);
  } catch (error) {
    if (error instanceof PluginError) throw error;
    if (error instanceof NoPluginError) throw new PluginError(`${located.entry}: ${error.message}`);
    const place = placeIn(trace(stackOf(error)), files);
    const where = place === undefined ? located.entry : `${place.file}:${place.line}:${place.column}`;
    throw new PluginError(`${where}: its module threw: ${reasonOf(error)}`, { place, cause: error });
  }
  const plugin = (module as { default?: unknown }).default;
  const fault = pluginFault(plugin);
  if (fault !== undefined) throw new PluginError(`${located.entry}: ${fault}`);
  return { plugin: plugin as Plugin, ...code, thread: undefined };
}

function pluginFault(value: unknown): string | undefined {
  if (value === undefined) return 'expected a default export made by definePlugin, found none';
  if (typeof value !== 'object' || value === null)
    return `expected a default export made by definePlugin, found ${typeof value}`;
  const { name, version, start } = value as Record<string, unknown>;
  if (typeof name !== 'string') return `the plugin's name: expected text, found ${typeof name}`;
  if (typeof version !== 'string') return `the plugin's version: expected text, found ${typeof version}`;
  if (start !== undefined && typeof start !== 'function')
    return `the plugin's start: expected a function, found ${typeof start}`;
  return undefined;
}

function checkModule(name: string, { facts, builtIn, root }: Located, plugin: Plugin): void {
  if (facts !== undefined) {
    differ(root, 'name', facts.manifest.name, plugin.name);
    differ(root, 'version', facts.version, plugin.version);
    differ(root, 'alpns', facts.manifest.alpns, plugin.alpns ?? []);
    differ(root, 'requests', facts.manifest.requests, plugin.requests ?? {});
  }
  if (!isPluginName(plugin.name))
    throw new PluginError(`name ${JSON.stringify(plugin.name)}: expected [a-z][a-zA-Z0-9-]{0,39}`);
  const owner = builtIn ? undefined : nameOwner(plugin.name);
  if (owner !== undefined) {
    throw new PluginError(
      `the plugin in ${root} is named "${plugin.name}", which belongs to ${owner}; give it a name of its own`,
    );
  }
  if (plugin.name !== name) {
    throw new PluginError(
      `the key is "${name}", and the plugin in ${root} is named "${plugin.name}"; write plugins.${plugin.name}`,
    );
  }
  for (const alpn of plugin.alpns ?? []) {
    const problem = claimProblem(alpn, { name, builtIn });
    if (problem !== undefined)
      throw new PluginError(`plugin ${name} claims ALPN ${JSON.stringify(alpn)}: ${problem}`);
  }
  for (const operation of plugin.operations ?? []) {
    if (!ownsName(name, operation.name)) {
      throw new PluginError(
        `plugin ${name} defines the operation ${JSON.stringify(operation.name)}, which belongs to ${ownerOf(operation.name)}: expected a name that begins with ${name}/`,
      );
    }
  }
}

/** Whose names those of that service are. `docs/spec/registry.md` 3. */
function ownerOf(operation: string): string {
  const service = serviceOf(operation);
  if (hostServices.includes(service)) return 'the host';
  return reservedServices.includes(service) ? 'nobody' : `plugin ${service}`;
}

/** With the name of another goes what is kept for that name: ALPNs, operations, shapes that may be signed. */
function nameOwner(name: string): string | undefined {
  if (isBuiltIn(name)) return `the built-in plugin ${name}`;
  if (name === 'alknet' || hostServices.includes(name)) return 'the host';
  return reservedServices.includes(name) ? 'nobody' : undefined;
}

function differ(root: string, member: string, manifest: unknown, module: unknown): void {
  if (isDeepStrictEqual(manifest, module)) return;
  throw new PluginError(
    `${root}: ${member} differs: package.json says ${JSON.stringify(manifest)}, the module says ${JSON.stringify(module)}; make them equal`,
  );
}

function configCheck(plugin: Plugin, { root }: Located): Check {
  try {
    // Without a schema `{}` is the only config.
    return compileSchema(plugin.config ?? ({ type: 'object', additionalProperties: false } as never));
  } catch (error) {
    if (error instanceof SchemaFault)
      throw new PluginError(`${root}: the schema of its config: ${error.message}`, { cause: error });
    throw error;
  }
}

/**
 * The manifest agrees with the code, and the names are the plugin's own. `docs/spec/config.md` 6.2, `registry.md` 2 and 3,
 * `endpoint.md` 2.1.
 *
 * @module
 */

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { isAlpn, isPluginName, ownsName } from '../../names.ts';
import { checkOperation } from '../../operation-check.ts';
import type { Plugin } from '../../plugin.ts';
import { compileOperation } from '../../run.ts';
import { compileSchema } from '../../schema.ts';
import { ConformanceFault } from './subject.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Path of the `package.json` that belongs to the test that runs, or what the author named. */
export function findManifest(named: URL | string | undefined): string {
  if (named !== undefined) return named instanceof URL ? fileURLToPath(named) : named;
  // Node's test runner runs each file in a process of its own, with the file as its first argument.
  const from = dirname(process.argv[1] ?? join(process.cwd(), 'none'));
  for (let at = from; ; at = dirname(at)) {
    const path = join(at, 'package.json');
    if (existsSync(path)) return path;
    if (dirname(at) === at)
      throw new ConformanceFault(
        `there is no package.json above ${from}; name it with the option manifest, or say manifest: false for a plugin of a single file`,
      );
  }
}

/** @throws ConformanceFault that names the member and both values */
export function checkManifest(plugin: Plugin, path: string): void {
  const content = JSON.parse(readFileSync(path, 'utf8')) as Fields;
  const manifest = content['alknet'];
  if (typeof manifest !== 'object' || manifest === null)
    throw new ConformanceFault(`${path}: expected the field "alknet", which is the manifest of the plugin`);
  const { plugin: module, name, alpns = [], requests = {}, sdk } = manifest as Fields;
  agree(path, 'alknet.name', name, plugin.name);
  agree(path, 'version', content['version'], plugin.version);
  agree(path, 'alknet.alpns', alpns, plugin.alpns ?? []);
  agree(path, 'alknet.requests', requests, plugin.requests ?? {});
  if (typeof sdk !== 'string')
    throw new ConformanceFault(
      `${path}: alknet.sdk: expected the range of @alknet/sdk that it is made for, such as "^0.1.0"`,
    );
  if (typeof module !== 'string' || !existsSync(join(dirname(path), module)))
    throw new ConformanceFault(
      `${path}: alknet.plugin: expected the module of the plugin, and ${String(module)} is not there; build the package first`,
    );
}

function agree(path: string, member: string, manifest: unknown, code: unknown): void {
  if (isDeepStrictEqual(manifest, code)) return;
  throw new ConformanceFault(
    `${path}: ${member} says ${JSON.stringify(manifest)}, and the code says ${JSON.stringify(code)}; make them equal`,
  );
}

/** @throws ConformanceFault, OperationFault, SchemaFault */
export function checkNames(plugin: Plugin): void {
  const { name, alpns = [], operations = [] } = plugin;
  if (!isPluginName(name))
    throw new ConformanceFault(`name ${JSON.stringify(name)}: expected [a-z][a-zA-Z0-9-]{0,39}`);
  const builtIn = (alpn: string) => alpn.startsWith('alknet/') || !alpn.includes('/');
  for (const alpn of alpns) {
    // Whether a plugin is built in is for the host to say: it refuses these names to all others.
    if (!isAlpn(alpn) || !(alpn.startsWith(`${name}/`) || builtIn(alpn)))
      throw new ConformanceFault(
        `ALPN ${JSON.stringify(alpn)}: expected 1 to 64 visible ASCII characters that begin with ${name}/`,
      );
  }
  if (plugin.config !== undefined) compileSchema(plugin.config);
  const names = new Set<string>();
  for (const operation of operations) {
    checkOperation(operation);
    compileOperation(operation);
    if (!ownsName(name, operation.name))
      throw new ConformanceFault(`operation ${operation.name}: expected a name that begins with ${name}/`);
    if (names.has(operation.name)) throw new ConformanceFault(`operation ${operation.name} is there twice`);
    names.add(operation.name);
  }
}

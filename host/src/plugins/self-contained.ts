/**
 * A plugin and its dependencies as one module of its own package, for `alknet plugin pack --bundle`: everything that
 * runs is then in the package, and can be signed. `docs/spec/config.md` 8.
 *
 * @module
 */

import { build, type Plugin as EsbuildPlugin } from 'esbuild';
import type { ArchiveFile } from './archive.ts';
import type { PackageFacts } from './manifest.ts';
import { PluginError } from './plugin-error.ts';

/** At the root of the package. */
export const bundleFile = 'alknet.bundle.mjs';

/** What stays outside is what the host brings. A native addon cannot be part of a module. */
const outside: EsbuildPlugin = {
  name: 'outside',
  setup({ onResolve }) {
    onResolve({ filter: /^@alknet\/sdk($|\/)/ }, ({ path }) => ({ path, external: true }));
    onResolve({ filter: /\.node$/ }, ({ path }) => ({
      errors: [{ text: `${path} is a native addon, which cannot be bundled` }],
    }));
  },
};

/**
 * The module, and the `package.json` that names it. Dependencies are no longer needed, and so no longer named.
 *
 * @throws PluginError
 */
export async function selfContained(facts: PackageFacts, entry: string): Promise<ArchiveFile[]> {
  const { outputFiles } = await build({
    // Names of files stand in comments of the module: they must not depend on where the package lies.
    absWorkingDir: facts.directory,
    entryPoints: [entry],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    tsconfigRaw: '{}',
    logLevel: 'silent',
    // CommonJS dependencies ask for Node's modules by `require`.
    banner: {
      js: `import { createRequire as alknetRequire } from 'node:module';\nconst require = alknetRequire(import.meta.url);`,
    },
    plugins: [outside],
  }).catch((error: { errors?: { text: string }[] }) => {
    throw new PluginError(`cannot be bundled: ${error.errors?.[0]?.text ?? String(error)}`, { cause: error });
  });
  const [output] = outputFiles;
  if (output === undefined) throw new PluginError('cannot be bundled: esbuild gave no module');
  const {
    dependencies: _own,
    optionalDependencies: _optional,
    bundleDependencies: _bundle,
    ...rest
  } = facts.content;
  const { files } = rest;
  const content = {
    ...rest,
    ...(Array.isArray(files) && !files.includes(bundleFile) ? { files: [...files, bundleFile] } : {}),
    alknet: { ...(rest['alknet'] as object), plugin: `./${bundleFile}` },
  };
  const file = (path: string, text: string | Uint8Array) => ({
    path,
    bytes: Buffer.from(text),
    executable: false,
  });
  return [file(bundleFile, output.contents), file('package.json', `${JSON.stringify(content, null, 2)}\n`)];
}

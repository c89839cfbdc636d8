/**
 * The package that `alknet plugin new` writes: a copy of `host/templates/plugin`, a real plugin that the checks and tests
 * of this project hold, under another name. `docs/spec/cli.md` 9.
 *
 * @module
 */

import { mkdir, readdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hostServices, isPluginName, reservedServices } from '@alknet/sdk';
import { isBuiltIn } from '../plugins/index.ts';
import { CliError, Exit, usage } from './exit.ts';

const template = fileURLToPath(new URL('../../templates/plugin/', import.meta.url));
/** What the plugin is called in the template. */
const templateName = 'acme-clock';

/** @throws CliError exit 2 */
export function checkNewName(name: string): void {
  if (!isPluginName(name))
    throw usage(
      `a plugin cannot be called ${JSON.stringify(name)}: expected a lower-case letter, then at most 39 letters, digits and "-"`,
      'alknet plugin new acme-clock',
    );
  const owner = isBuiltIn(name)
    ? 'a built-in plugin'
    : [...hostServices, ...reservedServices].includes(name)
      ? 'alknet itself'
      : undefined;
  if (owner !== undefined)
    throw usage(`the name ${name} belongs to ${owner}; take one of your own, with your own word in front`);
}

/**
 * Writes the package and gives the paths of its files, relative to the directory.
 * @throws CliError exit 8 when something is there already; nothing is changed then
 */
export async function writePlugin(name: string, directory: string): Promise<readonly string[]> {
  await mkdir(directory, { recursive: true });
  if ((await readdir(directory)).length > 0)
    throw new CliError(Exit.CONFLICT, `${directory} is not empty, and nothing there is overwritten`, {
      code: 'EXISTS',
      hint: `alknet plugin new ${name} --dir ANOTHER`,
    });
  const sdk = await sdkSpecifier(directory);
  const files = await templateFiles();
  for (const file of files) {
    const text = (await readFile(join(template, file), 'utf8')).replaceAll(templateName, name);
    const path = join(directory, written(file));
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, written(file) === 'package.json' ? packageText(text, name, sdk) : text, {
      flag: 'wx',
    });
  }
  return files.map(written).sort();
}

async function templateFiles(): Promise<string[]> {
  const entries = await readdir(template, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(template, join(entry.parentPath, entry.name)))
    .filter((file) => !/^(?:node_modules|dist)[/\\]/.test(file));
}

/** Names that npm treats in a way of its own when they lie inside of a package. */
const renamed: Readonly<Record<string, string>> = {
  gitignore: '.gitignore',
  'package.template.json': 'package.json',
};
const written = (file: string) => renamed[file] ?? file;

function packageText(text: string, name: string, sdk: string | undefined): string {
  const content = JSON.parse(text) as Record<string, unknown>;
  // Plugins may have capitals, packages may not (docs.npmjs.com, package.json, name).
  content['name'] = name.toLowerCase();
  if (sdk !== undefined)
    content['devDependencies'] = { ...(content['devDependencies'] as object), '@alknet/sdk': sdk };
  return `${JSON.stringify(content, null, 2)}\n`;
}

/** An alknet that runs from its own checkout brings its sdk with it; one that was installed has it from the registry. */
async function sdkSpecifier(directory: string): Promise<string | undefined> {
  const sdk = dirname(await realpath(fileURLToPath(import.meta.resolve('@alknet/sdk/package.json'))));
  if (sdk.split(sep).includes('node_modules')) return undefined;
  return `file:${relative(await realpath(directory), sdk).replaceAll(sep, '/')}`;
}

/**
 * `alknet plugin new`: a package that builds, tests and loads as it is.
 *
 * @module
 */

import { dirname, join, relative, resolve, sep } from 'node:path';
import type { Command } from '../command.ts';
import type { Context } from '../context.ts';
import { checkNewName, writePlugin } from '../plugin-template.ts';

export const pluginNewCommand: Command = {
  path: ['plugin', 'new'],
  summary: 'Write the package of a new plugin, ready to test and to serve',
  usage: 'NAME',
  options: [{ name: 'dir', value: 'DIR', help: 'where to; a folder of its name here if not given' }],
  examples: ['alknet plugin new acme-clock', 'alknet plugin new acme-lamp --dir plugins/acme-lamp --json'],
  arguments: [1, 1],
  run: async (context) => {
    context.localOnly('plugin new');
    const name = context.args[0] ?? '';
    checkNewName(name);
    const directory = resolve(context.value('dir') ?? name);
    const files = await writePlugin(name, directory);
    const { config, use } = entryFor(context, directory);
    const entry = { use };
    context.out.result(
      { name, directory, files, config, entry },
      `made ${shown(directory)}: ${files.join(' ')}

test it:   cd ${shown(directory)} && npm install && npm test
serve it:  in "plugins" of ${shown(config)}
             "${name}": ${JSON.stringify(entry)}
           a running node has it as soon as the file is saved
try it:    alknet call ${name}/now
           alknet subscribe ${name}/ticks --count 3
           echo hello | alknet pipe local ${name}/echo
`,
    );
    return undefined;
  },
};

/** How the configuration names the folder, from where the configuration is. */
function entryFor(context: Context, directory: string): { config: string; use: string } {
  const config = resolve(context.configPath ?? join(process.cwd(), 'alknet.config.json'));
  const path = relative(dirname(config), directory).replaceAll(sep, '/');
  return { config, use: path.startsWith('.') ? path : `./${path}` };
}

/** As somebody would type it here. */
function shown(path: string): string {
  const short = relative(process.cwd(), path);
  return short === '' ? '.' : short.length < path.length ? short : path;
}

import { dirname, resolve } from 'node:path';
import { ConfigError, loadConfig } from '../../config/index.ts';
import { PluginSupervisor } from '../../plugins/index.ts';
import type { Command } from '../command.ts';
import { CliError, Exit } from '../exit.ts';

export const configValidateCommand: Command = {
  path: ['config', 'validate'],
  summary: 'Check a configuration: every problem with its place',
  usage: '[FILE]',
  examples: ['alknet config validate'],
  arguments: [0, 1],
  run: async (context) => {
    const path = context.args[0] ?? context.configPath;
    if (path === undefined)
      throw new CliError(Exit.CONFIG, 'there is no configuration here', { hint: 'alknet init' });
    try {
      const loaded = await loadConfig(resolve(path));
      const findings = await checkPlugins(dirname(loaded.path), loaded.config);
      if (findings.length > 0) throw new ConfigError(loaded.path, findings.map(loaded.document.locate));
      for (const { message } of loaded.warnings) context.out.warn(message);
      context.out.result(
        { valid: true, problems: [], path: loaded.path, revision: loaded.revision },
        `${loaded.path} is valid`,
      );
      return Exit.OK;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      if (!context.out.json) throw error;
      context.out.result({ valid: false, problems: error.problems, path: resolve(path) }, '');
      return Exit.CONFIG;
    }
  },
};

/** What manifests say of each other; no plugin code runs, so nothing of a node is needed. */
function checkPlugins(directory: string, config: Parameters<PluginSupervisor['check']>[0]) {
  const services = { directory } as ConstructorParameters<typeof PluginSupervisor>[0];
  return new PluginSupervisor(services).check(config);
}

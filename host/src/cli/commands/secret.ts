/**
 * `alknet secret`: credentials for outbound use. No command prints a stored value.
 *
 * @module
 */

import { listSecrets, removeSecret, rotateSecrets, setSecret } from '../../vault/index.ts';
import type { Command } from '../command.ts';
import type { Context } from '../context.ts';
import { CliError, Exit, usage } from '../exit.ts';
import { table } from '../output.ts';
import { askSecret, isInteractive, readStdin } from '../prompt.ts';
import { readSecretInput } from '../secret-file.ts';

const passphraseFile = { name: 'passphrase-file', value: 'F', help: 'file with the vault passphrase' };

/** Plugins that the configuration grants a secret to. */
async function grantedTo(context: Context, name: string): Promise<string[]> {
  const loaded = await context.config();
  return Object.entries(loaded?.config.plugins ?? {}).flatMap(([plugin, { grant, config }]) =>
    grant?.secrets?.includes(name) === true ||
    JSON.stringify(config).includes(`{"secret":${JSON.stringify(name)}}`)
      ? [plugin]
      : [],
  );
}

export const secretCommands: readonly Command[] = [
  {
    path: ['secret', 'set'],
    summary: 'Keep a secret: from a prompt, standard input or a file, never an argument',
    usage: 'NAME',
    options: [{ name: 'file', value: 'F', help: 'file with the value' }, passphraseFile],
    examples: ['echo s3cret | alknet secret set weather-api'],
    arguments: [1, 1],
    run: async (context) => {
      context.localOnly('secret');
      const name = context.args[0] ?? '';
      const file = context.value('file');
      const text =
        file !== undefined
          ? await readSecretInput(file, '--file')
          : isInteractive()
            ? await askSecret(`value of ${name}`, '--file')
            : await readStdin();
      const vault = await context.vault();
      await setSecret(await context.dataDir(), vault, name, text.replace(/\r?\n$/, ''), (message) =>
        context.out.warn(message),
      );
      vault.lock();
      context.out.result({ name }, `kept ${name}`);
      return undefined;
    },
  },
  {
    path: ['secret', 'list'],
    summary: 'Names of secrets and who is granted them; never values',
    examples: ['alknet secret list'],
    arguments: [0, 0],
    run: async (context) => {
      context.localOnly('secret');
      const rows = await Promise.all(
        (await listSecrets(await context.dataDir(), (message) => context.out.warn(message))).map(
          async ({ name, keyVersion, updatedAt }) => ({
            name,
            keyVersion,
            changedAt: updatedAt,
            grantedTo: await grantedTo(context, name),
          }),
        ),
      );
      context.out.result(
        rows,
        table(
          ['name', 'key version', 'changed', 'granted to'],
          rows.map((row) => [row.name, String(row.keyVersion), row.changedAt, row.grantedTo.join(' ')]),
        ),
      );
      return undefined;
    },
  },
  {
    path: ['secret', 'rm'],
    summary: 'Forget a secret',
    usage: 'NAME',
    options: [{ name: 'force', help: 'also while the configuration grants it' }],
    examples: ['alknet secret rm --help'],
    arguments: [1, 1],
    run: async (context) => {
      context.localOnly('secret');
      const name = context.args[0] ?? '';
      const plugins = await grantedTo(context, name);
      if (plugins.length > 0 && !context.has('force')) {
        throw new CliError(Exit.CONFLICT, `${name} is granted to ${plugins.join(', ')}`, {
          code: 'SECRET_GRANTED',
          hint: `alknet secret rm ${name} --force`,
        });
      }
      await removeSecret(await context.dataDir(), name, (message) => context.out.warn(message));
      context.out.result({ removed: true, name }, `removed ${name}`);
      return undefined;
    },
  },
  {
    path: ['secret', 'rotate'],
    summary: 'Encrypt every secret under the next key version',
    options: [{ name: 'to', value: 'V', help: 'that version' }, passphraseFile],
    examples: ['alknet secret rotate'],
    arguments: [0, 0],
    run: async (context) => {
      context.localOnly('secret');
      const to = context.value('to');
      if (to !== undefined && !/^\d+$/.test(to))
        throw usage(`--to: expected a key version, found ${JSON.stringify(to)}`);
      const vault = await context.vault();
      const version = await rotateSecrets(
        await context.dataDir(),
        vault,
        to === undefined ? undefined : Number(to),
        (message) => context.out.warn(message),
      );
      vault.lock();
      context.out.result({ keyVersion: version }, `every secret is under key version ${version}`);
      return undefined;
    },
  },
];

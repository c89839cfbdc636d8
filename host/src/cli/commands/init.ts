/**
 * `alknet init`: configuration, data directory, vault, operator key and the operator's peer entry.
 *
 * @module
 */

import { access, chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import {
  changePeers,
  ed25519Fingerprint,
  fingerprintToZBase32,
  writeOperatorKey,
} from '../../identity/index.ts';
import {
  createVaultFile,
  IDENTITY,
  type NewProtection,
  OPERATOR,
  readPassphraseFile,
  Vault,
  vaultExists,
  vaultPath,
} from '../../vault/index.ts';
import type { Command } from '../command.ts';
import type { Context } from '../context.ts';
import { CliError, Exit, usage } from '../exit.ts';
import { firstConfig } from '../first-config.ts';
import { operatorScopes } from '../operator-scopes.ts';
import { askSecret, isInteractive, readStdin } from '../prompt.ts';
import { readSecretInput } from '../secret-file.ts';

export const initCommand: Command = {
  path: ['init'],
  summary: 'Make a node: configuration, keys, and you as its operator',
  options: [
    { name: 'words', value: 'N', help: '12, 15, 18, 21 or 24 (default) words' },
    { name: 'restore', help: 'read an existing phrase instead of making one' },
    { name: 'mnemonic-file', value: 'F', help: 'file with the phrase to restore' },
    { name: 'mnemonic-passphrase', help: 'ask for the mnemonic passphrase as well' },
    { name: 'passphrase-file', value: 'F', help: 'file with the new vault passphrase' },
    { name: 'no-passphrase', help: 'store the unlock key on disk, for unattended use' },
    { name: 'print-mnemonic', help: 'print a new phrase also when standard output is no terminal' },
    { name: 'listen', value: 'ADDR', help: 'address to listen on; default 127.0.0.1:4433' },
  ],
  examples: ['alknet init --data ./other --config ./other/alknet.config.json --no-passphrase'],
  arguments: [0, 0],
  run: init,
};

async function init(context: Context): Promise<undefined> {
  context.localOnly('init');
  const configPath = resolve(context.defaultConfigPath);
  const dataDir = resolve(context.value('data') ?? join(dirname(configPath), 'data'));
  await refuseExisting(configPath, dataDir);
  const protection = await chosenProtection(context);
  const { vault, made } = await chosenVault(context);

  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  await chmod(dataDir, 0o700);
  const written: string[] = [];
  try {
    const file = await createVaultFile(dataDir, vault, protection);
    written.push(vaultPath(dataDir), join(dataDir, 'vault.key'));
    using operator = vault.deriveEd25519(OPERATOR);
    await writeOperatorKey(dataDir, operator.privateKey);
    written.push(join(dataDir, 'operator.key'));
    const fingerprint = ed25519Fingerprint(operator.publicKey);
    await changePeers(dataDir, (entries) => [
      ...entries.filter(({ id }) => id !== 'operator'),
      {
        id: 'operator',
        fingerprints: [fingerprint],
        scopes: operatorScopes,
        resources: {},
        enabled: true,
        createdAt: new Date().toISOString(),
      },
    ]);
    written.push(join(dataDir, 'peers.json'));
    await mkdir(dirname(configPath), { recursive: true });
    await writeFile(
      configPath,
      firstConfig(relative(dirname(configPath), dataDir), context.value('listen')),
      { flag: 'wx', mode: 0o644 },
    );

    using identity = vault.deriveEd25519(IDENTITY);
    const id = ed25519Fingerprint(identity.publicKey);
    const z32 = fingerprintToZBase32(id);
    const phrase =
      made && (process.stdout.isTTY || context.has('print-mnemonic')) ? vault.mnemonic().reveal() : undefined;
    context.out.result(
      {
        id,
        z32,
        configPath,
        dataDir,
        operator: fingerprint,
        protection: file.protection,
        ...(phrase === undefined ? {} : { mnemonic: phrase }),
      },
      [
        `node      ${id}`,
        `config    ${configPath}`,
        `data      ${dataDir}`,
        `operator  ${fingerprint}`,
        ...(phrase === undefined
          ? []
          : ['', 'Write these words down; they are the node, and are not shown again:', '', phrase, '']),
      ].join('\n'),
    );
    const meant = context.configPath;
    if (meant !== undefined && meant !== configPath)
      context.out.warn(
        `ALKNET_CONFIG names ${meant}: without --config ${configPath} other commands are about that node`,
      );
    if (made && phrase === undefined)
      context.out.hint('the phrase that restores this node is shown by: alknet vault export');
    if (file.protection === 'keyfile')
      context.out.hint("the unlock key is on disk: whoever reads the data directory has this node's keys");
    context.out.hint('start it with: alknet up');
  } catch (error) {
    for (const path of written) await rm(path, { force: true });
    throw error;
  } finally {
    vault.lock();
  }
  return undefined;
}

async function refuseExisting(configPath: string, dataDir: string): Promise<void> {
  const exists = async (path: string) =>
    access(path).then(
      () => true,
      () => false,
    );
  if (await vaultExists(dataDir)) {
    throw new CliError(Exit.CONFLICT, `${vaultPath(dataDir)} exists already`, {
      code: 'VaultExists',
      hint: 'move it away, or use another --data',
    });
  }
  if (await exists(configPath)) {
    throw new CliError(Exit.CONFLICT, `${configPath} exists already`, {
      code: 'CONFIG_EXISTS',
      hint: 'move it away, or use another --config',
    });
  }
}

async function chosenProtection(context: Context): Promise<NewProtection> {
  const file = context.value('passphrase-file');
  if (context.has('no-passphrase')) {
    if (file !== undefined) throw usage('--no-passphrase and --passphrase-file exclude each other');
    return { kind: 'keyfile' };
  }
  if (file !== undefined)
    return {
      kind: 'passphrase',
      passphrase: warned(context, await readPassphraseFile(file, (m) => context.out.warn(m))),
    };
  if (!isInteractive()) {
    throw usage(
      'a new vault needs a passphrase, and there is no terminal to ask on',
      'give --passphrase-file PATH, or --no-passphrase to keep the unlock key on disk',
    );
  }
  const passphrase = await askSecret('new vault passphrase', '--passphrase-file');
  if (passphrase === '') throw usage('a vault passphrase must not be empty');
  if ((await askSecret('the same again', '--passphrase-file')) !== passphrase)
    throw usage('the two passphrases differ');
  return { kind: 'passphrase', passphrase: warned(context, passphrase) };
}

function warned(context: Context, passphrase: string): string {
  if (passphrase.length < 12) context.out.warn('a passphrase below 12 characters is easily guessed');
  return passphrase;
}

async function chosenVault(context: Context): Promise<{ vault: Vault; made: boolean }> {
  const vault = new Vault();
  const file = context.value('mnemonic-file');
  if (!context.has('restore') && file === undefined) {
    const words = context.value('words') === undefined ? 24 : Number(context.value('words'));
    vault.unlockNew(words);
    return { vault, made: true };
  }
  const phrase =
    file !== undefined
      ? await readSecretInput(file, '--mnemonic-file')
      : isInteractive()
        ? await askSecret('phrase', '--mnemonic-file')
        : ((await readStdin()).split('\n')[0] ?? '');
  const passphrase = context.has('mnemonic-passphrase')
    ? await askSecret('mnemonic passphrase', 'a terminal')
    : '';
  vault.unlock(phrase, passphrase);
  return { vault, made: false };
}

/**
 * `alknet vault`: the keys of the node on this machine.
 *
 * @module
 */

import { mkdir } from 'node:fs/promises';
import { askControl, type ControlAnswer } from '../../control-socket.ts';
import { ed25519Fingerprint, sshKeyLine, writeOperatorKey } from '../../identity/index.ts';
import { protectionText } from '../../node/protection-text.ts';
import {
  createVaultFile,
  IDENTITY,
  MESSAGING,
  type NewProtection,
  OPERATOR,
  readPassphraseFile,
  readSecrets,
  readVaultFile,
  rotateVaultFile,
  SSH_HOST,
  unlockVault,
  Vault,
} from '../../vault/index.ts';
import type { Command } from '../command.ts';
import { type Context, notRunning } from '../context.ts';
import { CliError, Exit, usage } from '../exit.ts';
import { table } from '../output.ts';
import { askSecret, confirm, isInteractive, readStdin } from '../prompt.ts';
import { readSecretInput } from '../secret-file.ts';

const passphraseFile = { name: 'passphrase-file', value: 'F', help: 'file with the vault passphrase' };

async function running(
  context: Context,
  request: 'state' | 'lock' | 'unlock',
  passphrase?: string,
): Promise<Extract<ControlAnswer, { ok: true }>> {
  if ((await context.runningNode()) === undefined) throw await notRunning(context);
  const answer = await askControl(await context.dataDir(), request, passphrase);
  if (answer.ok) return answer;
  const exit = answer.code === 'AlreadyUnlocked' ? Exit.CONFLICT : Exit.VAULT;
  throw new CliError(exit, answer.message, { code: answer.code });
}

async function newProtection(context: Context): Promise<NewProtection> {
  if (context.has('none')) return { kind: 'keyfile' };
  const file = context.value('passphrase-file');
  if (file !== undefined)
    return {
      kind: 'passphrase',
      passphrase: await readPassphraseFile(file, (message) => context.out.warn(message)),
    };
  const passphrase = await askSecret('new vault passphrase', '--passphrase-file or --none');
  if ((await askSecret('the same again', '--passphrase-file')) !== passphrase)
    throw usage('the two passphrases differ');
  return { kind: 'passphrase', passphrase };
}

/** `--passphrase-file` is the new passphrase where protection changes; the old one is asked for, or on disk. */
async function unlockOld(context: Context): Promise<Vault> {
  return await unlockVault({
    dataDir: await context.dataDir(),
    passphraseFile: context.value('old-passphrase-file'),
    credentialsDirectory: process.env['CREDENTIALS_DIRECTORY'],
    prompt: isInteractive()
      ? () => askSecret('present vault passphrase', '--old-passphrase-file')
      : undefined,
    warn: (message) => context.out.warn(message),
  });
}

export const vaultCommands: readonly Command[] = [
  {
    path: ['vault', 'show'],
    summary: 'Protection, state and public keys',
    options: [passphraseFile],
    examples: ['alknet vault show'],
    arguments: [0, 0],
    run: async (context) => {
      context.localOnly('vault');
      const dataDir = await context.dataDir();
      const file = await readVaultFile(dataDir, (message) => context.out.warn(message));
      const state =
        (await context.runningNode()) === undefined ? 'not running' : (await running(context, 'state')).state;
      const vault = await context.vault();
      const keys = [
        { name: 'identity', path: IDENTITY },
        { name: 'ssh host key', path: SSH_HOST },
        { name: 'operator', path: OPERATOR },
        { name: 'messaging', path: MESSAGING },
      ].map(({ name, path }) => {
        using key = vault.deriveEd25519(path);
        return { name, path, fingerprint: ed25519Fingerprint(key.publicKey), ssh: sshKeyLine(key.publicKey) };
      });
      vault.lock();
      const { keyVersion } = await readSecrets(dataDir, (message) => context.out.warn(message));
      context.out.result(
        { protection: protectionText(file.protection), state, keyVersion, keys },
        `protection  ${protectionText(file.protection)}\nstate       ${state}\nsecrets     key version ${keyVersion}\n\n${table(
          ['key', 'path', 'fingerprint'],
          keys.map((key) => [key.name, key.path, key.fingerprint]),
        )}`,
      );
      return undefined;
    },
  },
  {
    path: ['vault', 'export'],
    summary: 'Print the phrase that restores this node',
    options: [passphraseFile],
    examples: ['alknet vault export --yes'],
    arguments: [0, 0],
    run: async (context) => {
      context.localOnly('vault');
      const vault = await context.vault();
      if (isInteractive() && !(await confirm('print the phrase on this terminal?', context.yes)))
        throw new CliError(Exit.FAILED, 'not printed');
      const mnemonic = vault.mnemonic().reveal();
      const mnemonicPassphrase = vault.mnemonicPassphrase();
      vault.lock();
      context.out.result(
        { mnemonic, ...(mnemonicPassphrase === '' ? {} : { mnemonicPassphrase }) },
        mnemonicPassphrase === '' ? mnemonic : `${mnemonic}\n${mnemonicPassphrase}`,
      );
      return undefined;
    },
  },
  {
    path: ['vault', 'rotate'],
    aliases: [['vault', 'passphrase']],
    summary: 'Protect the vault file anew; keys and identity stay',
    options: [
      { name: 'none', help: 'store the unlock key on disk' },
      { name: 'passphrase-file', value: 'F', help: 'file with the new vault passphrase' },
      { name: 'old-passphrase-file', value: 'F', help: 'file with the present one' },
    ],
    examples: ['alknet vault rotate --none'],
    arguments: [0, 0],
    run: async (context) => {
      context.localOnly('vault');
      const vault = await unlockOld(context);
      const { protection } = await rotateVaultFile(
        await context.dataDir(),
        vault,
        await newProtection(context),
      );
      vault.lock();
      context.out.result({ protection }, `protection: ${protectionText(protection)}`);
      return undefined;
    },
  },
  {
    path: ['vault', 'restore'],
    summary: 'Make vault and operator key from a phrase, where there is none',
    options: [
      { name: 'mnemonic-file', value: 'F', help: 'file with the phrase' },
      { name: 'mnemonic-passphrase', help: 'ask for the mnemonic passphrase as well' },
      { name: 'none', help: 'store the unlock key on disk' },
      { name: 'passphrase-file', value: 'F', help: 'file with the new vault passphrase' },
    ],
    examples: ['alknet vault restore --help'],
    arguments: [0, 0],
    run: async (context) => {
      context.localOnly('vault');
      const file = context.value('mnemonic-file');
      const phrase =
        file !== undefined
          ? await readSecretInput(file, '--mnemonic-file')
          : isInteractive()
            ? await askSecret('phrase', '--mnemonic-file')
            : await readStdin();
      const vault = new Vault();
      vault.unlock(
        phrase,
        context.has('mnemonic-passphrase') ? await askSecret('mnemonic passphrase', 'a terminal') : '',
      );
      const dataDir = await context.dataDir();
      await mkdir(dataDir, { recursive: true, mode: 0o700 });
      const { identity, protection } = await createVaultFile(dataDir, vault, await newProtection(context));
      using operator = vault.deriveEd25519(OPERATOR);
      await writeOperatorKey(dataDir, operator.privateKey);
      vault.lock();
      context.out.result({ id: identity, protection }, `restored ${identity}`);
      return undefined;
    },
  },
  {
    path: ['vault', 'lock'],
    summary: 'Lock the vault of the running node',
    examples: ['alknet vault lock'],
    arguments: [0, 0],
    run: async (context) => {
      context.localOnly('vault');
      const { state } = await running(context, 'lock');
      context.out.result({ state }, state);
      return undefined;
    },
  },
  {
    path: ['vault', 'unlock'],
    summary: 'Unlock the vault of the running node',
    options: [passphraseFile],
    examples: ['alknet vault unlock'],
    arguments: [0, 0],
    run: async (context) => {
      context.localOnly('vault');
      const { protection } = await readVaultFile(await context.dataDir(), (message) =>
        context.out.warn(message),
      );
      const file = context.value('passphrase-file');
      const passphrase =
        protection === 'keyfile'
          ? undefined
          : file !== undefined
            ? await readPassphraseFile(file, (message) => context.out.warn(message))
            : await askSecret('vault passphrase', '--passphrase-file');
      const { state } = await running(context, 'unlock', passphrase);
      context.out.result({ state }, state);
      return undefined;
    },
  },
];

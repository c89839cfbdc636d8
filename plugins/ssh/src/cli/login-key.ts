/**
 * The key that a tunnel logs in with: that of `--identity`, else the operator's. `docs/spec/ssh.md` 8.2.
 *
 * @module
 */

import { CallError, type CommandContext } from '@alknet/sdk';
import ssh2 from 'ssh2';
import { readPrivateFile } from './private-file.ts';
import { wrongInput } from './tunnel-error.ts';

/** The text of an OpenSSH private key. @throws CallError when there is none that can be used */
export async function loginKey({ operator, value }: CommandContext): Promise<string> {
  const chosen = value('identity');
  const path = chosen ?? operator?.key;
  if (path === undefined)
    throw new CallError(
      'INVALID_INPUT',
      'there is no operator key here to log in with: give --identity KEYFILE, or make one with: alknet init',
    );
  const text = await readPrivateFile(path, chosen === undefined ? 'the operator key' : '--identity');
  const key = ssh2.utils.parseKey(text);
  const why = key instanceof Error ? key.message : key.isPrivateKey() ? undefined : 'it is a public key';
  if (why === undefined) return text;
  throw wrongInput(
    `${path}: expected an OpenSSH private key without a passphrase (ssh-keygen -p takes it off), found something else: ${why}`,
  );
}

/**
 * `--proxy URL` and `--proxy-auth-file FILE` of the commands that dial. `docs/spec/cli.md` 5.
 *
 * @module
 */

import { type ProxyCredentials, parseCredentials, parseProxy } from '@alknet/sdk/streams';
import type { DialProxy } from '../endpoint/index.ts';
import { usage } from './exit.ts';
import { askSecret } from './prompt.ts';
import { readSecretInput } from './secret-file.ts';

/** @throws CliError exit 2, without a password that the URL may hold */
export async function dialProxy(
  url: string | undefined,
  authFile: string | undefined,
): Promise<DialProxy | undefined> {
  if (url === undefined) {
    if (authFile !== undefined) throw usage('--proxy-auth-file: expected --proxy URL beside it');
    return undefined;
  }
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const user = decoded(parsed?.username ?? '');
  if (parsed !== undefined && parsed.password !== '')
    throw usage(
      '--proxy: a password on the command line is seen by everyone on this machine',
      '--proxy-auth-file FILE',
    );
  const address = addressIn(user === '' ? url : url.replace(/^([^/]*\/\/)[^@]*@/, '$1'));
  const credentials = await credentialsFor(user, authFile);
  return { address, ...(credentials === undefined ? {} : { credentials }) };
}

async function credentialsFor(user: string, file: string | undefined): Promise<ProxyCredentials | undefined> {
  if (file !== undefined) {
    const text = (await readSecretInput(file, '--proxy-auth-file')).replace(/\r?\n$/, '');
    if (user !== '') return { user, password: text };
    try {
      return parseCredentials(text);
    } catch (error) {
      throw usage(`--proxy-auth-file: ${file}: ${error instanceof Error ? error.message : error}`);
    }
  }
  if (user === '') return undefined;
  return { user, password: await askSecret(`password of ${user} at the proxy`, '--proxy-auth-file') };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw usage('--proxy: the user holds a % that is no %XX');
  }
}

function addressIn(url: string) {
  try {
    return parseProxy(url);
  } catch (error) {
    throw usage(`--proxy: ${error instanceof Error ? error.message : error}`);
  }
}

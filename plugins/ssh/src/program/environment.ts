/**
 * The environment of a program, built from nothing. `docs/spec/ssh.md` 6.1 and 4.
 *
 * @module
 */

import type { RemoteAddress } from '@alknet/sdk';
import type { Account } from './account.ts';

/** Variables that a client has set, as far as it may. */
export class ClientEnvironment {
  readonly #values = new Map<string, string>();

  /** `false` when the variable is not one that a client may set. */
  set(name: string, value: string): boolean {
    const known = ['GIT_PROTOCOL', 'LANG', 'COLORTERM', 'TZ'].includes(name) || /^LC_[A-Z0-9_]+$/.test(name);
    if (!known || name.length > 64 || Buffer.byteLength(value) > 1024) return false;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
    if (/[\x00-\x1f\x7f-\x9f]/.test(value)) return false;
    if (this.#values.size >= 32 && !this.#values.has(name)) return false;
    this.#values.set(name, value);
    return true;
  }

  get(name: string): string | undefined {
    return this.#values.get(name);
  }

  entries(): Iterable<[string, string]> {
    return this.#values;
  }
}

export interface EnvironmentParts {
  readonly account: Account;
  readonly path: readonly string[];
  readonly client: ClientEnvironment;
  readonly peer: string;
  readonly remote: RemoteAddress | null;
  readonly local: RemoteAddress | null;
  /** `TERM` of a pty. */
  readonly term: string | undefined;
  /** What was asked for in the place of a forced command. */
  readonly original: string | undefined;
}

export function environmentOf(parts: EnvironmentParts): Record<string, string> {
  const { account, remote, local, term, original } = parts;
  // One that is not known stands as OpenSSH writes it: UNKNOWN, and port 65535.
  const here = local ?? { address: 'UNKNOWN', port: 65535 };
  return {
    PATH: parts.path.join(':'),
    HOME: account.home,
    USER: account.name,
    LOGNAME: account.name,
    SHELL: account.shell,
    LANG: 'C.UTF-8',
    ...Object.fromEntries(parts.client.entries()),
    ...(term === undefined ? {} : { TERM: term }),
    ...(remote === null
      ? {}
      : {
          SSH_CONNECTION: `${remote.address} ${remote.port} ${here.address} ${here.port}`,
          SSH_CLIENT: `${remote.address} ${remote.port} ${here.port}`,
        }),
    ...(original === undefined ? {} : { SSH_ORIGINAL_COMMAND: original }),
    ALKNET_PEER: parts.peer,
  };
}

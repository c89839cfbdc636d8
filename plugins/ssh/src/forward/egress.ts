/**
 * The proxy of the configuration. `docs/spec/ssh.md` 7.7.
 *
 * @module
 */

import { type Capabilities, parseCredentials, parseProxy } from '@alknet/sdk';
import type { SshConfig } from '../config.ts';
import type { Egress } from './connect.ts';

/** @throws Error for a URL that names no proxy */
export function egressOf(
  config: SshConfig['forward']['egress'],
  capabilities: Capabilities,
): Egress | undefined {
  if (config === undefined) return undefined;
  const { credentials } = config;
  return {
    proxy: parseProxy(config.url),
    // Read at each connection: the operator may have changed it, and one that is missing must not mean none.
    credentials: () => {
      if (credentials === undefined) return undefined;
      const text = capabilities.get(credentials.secret);
      if (text === undefined) throw new Error('the credentials of the egress proxy are missing');
      return parseCredentials(text);
    },
  };
}

/**
 * How a command reaches its node: the options of `alknet pipe`, by the same names. `docs/spec/cli.md` 5.
 *
 * @module
 */

import { resolve } from 'node:path';
import type { CommandContext, CommandOption } from '@alknet/sdk';
import { wrongInput } from './tunnel-error.ts';

export const dialOptions: readonly CommandOption[] = [
  { name: 'transport', value: 'T', help: 'auto (default), quic or tls' },
  {
    name: 'proxy',
    value: 'URL',
    help: 'the only way out: socks5://[USER@]HOST:PORT or http://[USER@]HOST:PORT',
  },
  { name: 'proxy-auth-file', value: 'FILE', help: 'password of USER, or user:password, for the proxy' },
  { name: 'ca', help: 'trust public certificate authorities for a host without a pin' },
];

/** Those that were given, as words for a `pipe` that dials the same way. @throws TunnelError exit 2 */
export function pipeWords(context: CommandContext): string[] {
  const proxy = context.value('proxy');
  if (proxy !== undefined && hasUser(proxy) && context.value('proxy-auth-file') === undefined)
    throw wrongInput(
      'a ProxyCommand has no terminal to ask on: give --proxy-auth-file FILE for the user of --proxy',
    );
  return dialOptions.flatMap(({ name, value }) => {
    const given = context.value(name);
    if (value === undefined) return context.has(name) ? [`--${name}`] : [];
    if (given === undefined) return [];
    // The ssh that starts it may be elsewhere by then.
    return [`--${name}`, value === 'FILE' ? resolve(given) : given];
  });
}

const hasUser = (url: string) => URL.canParse(url) && new URL(url).username !== '';

/**
 * `alknet pipe`: one stream of any ALPN on standard input and output, the basis of every ProxyCommand.
 *
 * @module
 */

import { ConnectionError, firstStream } from '@alknet/sdk/streams';
import type { Command, Option } from '../command.ts';
import type { Context } from '../context.ts';
import { CliError, Exit } from '../exit.ts';

/** What they say is read by `dial-proxy.ts`, which is loaded when they are given. */
const proxyOptions: readonly Option[] = [
  {
    name: 'proxy',
    value: 'URL',
    help: 'the only way out: socks5://[USER@]HOST:PORT or http://[USER@]HOST:PORT',
  },
  { name: 'proxy-auth-file', value: 'FILE', help: 'password of USER, or user:password, for the proxy' },
];

export const pipeCommand: Command = {
  path: ['pipe'],
  summary: 'Open one stream and copy standard input and output',
  usage: 'PEER ALPN',
  options: [
    { name: 'transport', value: 'T', help: 'auto (default), quic or tls' },
    ...proxyOptions,
    { name: 'ca', help: 'trust public certificate authorities for a host without a pin' },
  ],
  examples: ['alknet pipe local alknet/call < /dev/null'],
  arguments: [2, 2],
  completes: 'peers',
  carries: true,
  run: pipe,
};

async function pipe(context: Context): Promise<number> {
  const [peer = '', alpn = ''] = context.args;
  const connection = await context.dial(peer, alpn);
  context.signal.addEventListener('abort', () => connection.close(0, ''), { once: true });
  const stream = await firstStream(connection);
  // Half-close: the end of standard input ends one direction only.
  process.stdin.pipe(stream);
  const reset = await new Promise<Error | undefined>((resolve) => {
    stream.on('error', resolve);
    stream.on('end', () => resolve(undefined));
    stream.on('close', () => {
      if (!stream.readableEnded) resolve(new Error('it ended too early'));
    });
    stream.on('data', (chunk: Buffer) => {
      if (process.stdout.write(chunk)) return;
      stream.pause();
      process.stdout.once('drain', () => stream.resume());
    });
  });
  process.stdin.unpipe(stream);
  process.stdin.destroy();
  if (!stream.writableEnded) stream.end();
  connection.close(0, '');
  if (reset === undefined) return Exit.OK;
  const code = reset instanceof ConnectionError ? reset.code : 'RESET';
  throw new CliError(Exit.INTEGRITY, `the stream was cut: ${reset.message}`, { code });
}

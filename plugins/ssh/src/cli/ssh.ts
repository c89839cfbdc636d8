/**
 * `alknet ssh`: the OpenSSH client of the system, on a stream of alknet. `docs/spec/cli.md` 10.
 *
 * @module
 */

import {
  CallError,
  type CommandContext,
  type OperatorFiles,
  type PluginCommand,
  shellLine,
} from '@alknet/sdk';
import { dialOptions, pipeWords } from './dial-options.ts';
import { pinHostKey } from './pinned-host-key.ts';
import { destinationOf, peerOf, proxyCommand } from './ssh-arguments.ts';

export const sshCommand: PluginCommand = {
  name: 'ssh',
  topLevel: true,
  wraps: true,
  summary: 'Run OpenSSH’s ssh through alknet, with the host key of the node pinned',
  usage:
    '[--own-keys] [--print] [--transport T] [--proxy URL [--proxy-auth-file FILE]] [--ca] [options of ssh] [user@]PEER [command …]',
  options: [
    { name: 'own-keys', help: 'offer your keys and ssh-agent instead of the operator key' },
    { name: 'print', help: 'show the command and run nothing' },
    ...dialOptions,
  ],
  examples: ['alknet ssh --print local uptime'],
  arguments: [1, Number.POSITIVE_INFINITY],
  run: runSsh,
};

async function runSsh(context: CommandContext): Promise<number> {
  const operator = operatorOf(context);
  const destination = destinationOf(context.arguments);
  // `-V`, `-Q cipher`: ssh answers by itself.
  if (destination === undefined) return await runStock(context, context.arguments);
  const peer = peerOf(destination);
  const way = pipeWords(context);
  const { alias, knownHosts } = await pinHostKey(await context.dial(peer, 'alknet/call'), operator.dataDir);
  const ours = [
    `ProxyCommand=${proxyCommand([...operator.program, 'pipe', peer, 'alknet/ssh', ...way])}`,
    `HostKeyAlias=${alias}`,
    'HostKeyAlgorithms=ssh-ed25519',
    `UserKnownHostsFile=${quotedFile(knownHosts)}`,
    'GlobalKnownHostsFile=/dev/null',
    'StrictHostKeyChecking=yes',
    'UpdateHostKeys=no',
  ];
  const words = [
    ...ours.flatMap((option) => ['-o', option]),
    ...(context.has('own-keys') || operator.key === undefined
      ? []
      : ['-o', 'IdentitiesOnly=yes', '-i', operator.key]),
    ...context.arguments,
  ];
  if (!context.has('print')) return await runStock(context, words);
  context.result({ command: ['ssh', ...words] }, shellLine(['ssh', ...words]));
  return 0;
}

const runStock = ({ runProgram }: CommandContext, words: readonly string[]) =>
  runProgram('ssh', words, 'install the OpenSSH client');

function quotedFile(path: string): string {
  return `"${path.replaceAll('%', '%%')}"`;
}

function operatorOf({ operator }: CommandContext): OperatorFiles {
  if (operator !== undefined) return operator;
  throw new CallError('INTERNAL', 'this command runs as one of the built-in plugin ssh');
}
